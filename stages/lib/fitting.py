"""What fits a device, and what to change where a run does not."""

import copy
from collections.abc import Callable
from typing import Any

from stages.lib.memory import Model

GIB = 2**30
SIZES = (8, 16, 24, 40, 80)  # GiB of common GPUs
# Of a GPU's memory: what the CUDA context and its libraries take, and what fragmentation leaves unusable.
CONTEXT, USABLE = 0.6 * GIB, 0.95
MOST_ROWS, MOST_TOKENS = 1 << 12, 1 << 20


def usable(size: float) -> float:
    """Bytes that tensors can have on a GPU of so many."""
    return USABLE * (size - CONTEXT)


def largest(fits: Callable[[int], bool], most: int) -> int:
    """The largest whole number up to ``most`` that fits, 0 if none does; if one fits, all below it do."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def largest_batch(model: Model, length: int, size: float) -> int:
    """Rows of ``length`` tokens to a forward pass of training that fit in so many bytes."""
    return largest(lambda rows: model.training(rows, length).least <= size, MOST_ROWS)


def largest_length(model: Model, batch: int, size: float) -> int:
    """Tokens of a row that fit in so many bytes; no more than the model can read."""
    most = getattr(model.config.get_text_config(), "max_position_embeddings", None) or MOST_TOKENS
    return largest(lambda tokens: tokens < 2 or model.training(batch, tokens).least <= size, most)


def remedies(model: Model, batch: int, length: int) -> list[tuple[str, int]]:
    """What can be changed, what costs the result least first, with the bytes that each saves alone."""
    params, before = model.params, model.training(batch, length).least
    found = []

    def consider(text: str, after: int) -> None:
        if after < before:
            found.append((text, before - after))

    def changed(section: str, **values: Any) -> int:
        other = copy.deepcopy(params)
        other[section].update(values)
        return Model(other, model.device).training(batch, length).least

    adapter = params["lora"]["enabled"] or params["prompt_tuning"]["enabled"]
    if not adapter:
        consider("lora.enabled=true full_finetuning=false", changed("lora", enabled=True))
    elif not params["quantization"]["enabled"]:
        four = {"enabled": True, "load_in_4bit": True, "load_in_8bit": False}
        consider("quantization.enabled=true", changed("quantization", **four))
    if not params["train"].get("gradient_checkpointing", True):
        consider("train.gradient_checkpointing=true", changed("train", gradient_checkpointing=True))
    if batch > 1:
        half = batch // 2
        steps = 2 * params["train"].get("gradient_accumulation_steps", 1)
        text = f"train.per_device_train_batch_size={half} train.gradient_accumulation_steps={steps}"
        consider(text, model.training(half, length).least)
    consider(f"train.max_length={length // 2}", model.training(batch, length // 2).least)
    if params["lora"]["enabled"] and params["lora"].get("r", 8) > 4:
        rank = params["lora"]["r"] // 2
        consider(f"lora.r={rank}", changed("lora", r=rank))
    return found
