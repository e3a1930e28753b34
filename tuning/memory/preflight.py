"""Said and checked before weights are loaded: what will be done, and whether the device can."""

import math
import sys
from dataclasses import dataclass
from typing import Any

from tuning.core.errors import UserError
from tuning.generation import kv_cache
from tuning.memory import estimator, remedies
from tuning.model.adapters import kind
from tuning.model.base_model import device, is_quantized
from tuning.model.processes import rank, world_size


@dataclass(frozen=True)
class Plan:
    """What training will take, about.

    Attributes:
        tokens: that the whole run reads.
        needed: bytes by part, at the greatest moment; None where they cannot be estimated.
    """

    tokens: int
    needed: estimator.Memory | None = None

    def leaves_room(self) -> bool:
        """Whether memory suffices to keep what is freed."""
        return self.needed is None or not _exceeds(self.needed.total)

    def bytes(self) -> int | None:
        """What training will take: with what it keeps, where there is room for that."""
        return self.needed and (self.needed.total if self.leaves_room() else self.needed.least)


def check_device(params: dict[str, Any]) -> None:
    """Raises UserError where an option needs a CUDA device that is not there."""
    optimizer = str(params["train"].get("optim", ""))
    if device() == "cuda":
        return
    if "paged" in optimizer:
        raise UserError(f"'train.optim': {optimizer} pages between a GPU and main memory, and there is no CUDA device")
    if params["train"].get("fp16"):
        raise UserError("'train.fp16' needs a CUDA device, and there is none")


def describe_training(params: dict[str, Any], lengths: list[int], strict: bool) -> Plan:
    """Prints one line on what is about to happen, and a warning where it will not fit.

    Args:
        lengths: tokens of each row to train on.
        strict: ``resources.strict``.

    Raises:
        UserError: it will not fit, and ``strict`` is true.
    """
    train = params["train"]
    count = steps(train, len(lengths))
    tokens = round(sum(lengths) / len(lengths) * count * batch_size(train))
    if rank() > 0:
        return Plan(tokens)
    longest = min(max(lengths), train.get("max_length") or max(lengths))
    model = estimator.Model(params)
    parameters, trained = model.weights.parameters, model.trained.parameters
    bits = 4 if params["quantization"].get("load_in_4bit") else 8
    quantized = f"{bits}-bit base" if is_quantized(params) else "not quantized"
    processes = f" x {world_size()} processes" if world_size() > 1 else ""
    at_once = train.get("per_device_train_batch_size", 8)
    plan = Plan(tokens, _needed(model.training, at_once, longest))
    needed = plan.bytes()
    print(
        f"train: {params['model']} ({parameters:,} parameters), {kind(params)} "
        f"({trained:,} trainable, {trained / parameters:.2%}), "
        f"{quantized}, on {device()}{processes}: {len(lengths)} rows, {count} steps, about {tokens:,} tokens"
        + (f", about {needed / 2**30:.1f} GiB" if needed else ""),
        flush=True,
    )
    if _exceeds(needed):
        found = remedies.remedy(model, at_once, longest, plan.needed.least, kv_cache.free_bytes())
        remedy = f": {found[0]} saves {found[1] / 2**30:.1f} GiB" if found else ""
        _complain(strict, f"training needs about {needed / 2**30:.1f} GiB", remedy)
    return plan


def check_generation(params: dict[str, Any], longest: int, strict: bool) -> None:
    """Warns where answering will not fit; ``generation.batch_size: auto`` fits if one prompt does.

    Args:
        params: the sections that the stage reads; without adapters, the base model answers.
        longest: tokens of the longest prompt.
        strict: ``resources.strict``.

    Raises:
        UserError: it will not fit, and ``strict`` is true.
    """
    if rank() > 0:
        return
    without = {"lora": {"enabled": False}, "prompt_tuning": {"enabled": False}, "train": {}}
    generation = params["generation"]
    at_once = 1 if generation["batch_size"] == "auto" else generation["batch_size"]
    model = estimator.Model({**without, **params})
    needed = _needed(model.generation, at_once, longest, generation["max_new_tokens"])
    if needed and _exceeds(needed.least):
        remedy = "quantization.enabled=true" if at_once == 1 else "generation.batch_size=auto"
        _complain(strict, f"generation needs about {needed.least / 2**30:.1f} GiB", f": try {remedy}")


def _needed(estimate, *size: int) -> estimator.Memory | None:
    """The estimate; None, and a word about it, where there is none."""
    try:
        return estimate(*size)
    except estimator.CannotEstimate as error:
        print(error, file=sys.stderr)
        return None


def _exceeds(needed: int | None) -> bool:
    free = kv_cache.free_bytes()
    return free is not None and needed is not None and needed > free


def _complain(strict: bool, what: str, remedy: str) -> None:
    text = f"{what}, and {kv_cache.free_bytes() / 2**30:.1f} GiB are free on {device()}{remedy}"
    advice = "`python -m stages.resources --estimate` shows what each part takes and what saves how much"
    if strict:
        raise UserError(f"{text} ('resources.strict' is true). {advice}")
    print(f"warning: {text}. {advice}", file=sys.stderr)


def batch_size(train: dict[str, Any]) -> int:
    """Rows to an optimizer step, over all processes."""
    return train.get("per_device_train_batch_size", 8) * train.get("gradient_accumulation_steps", 1) * world_size()


def steps(train: dict[str, Any], rows: int) -> int:
    """Optimizer steps of the whole run."""
    if train.get("max_steps", -1) > 0:
        return train["max_steps"]
    accumulation = train.get("gradient_accumulation_steps", 1)
    batches = math.ceil(rows / (batch_size(train) // accumulation))
    return math.ceil(math.ceil(batches / accumulation) * train.get("num_train_epochs", 3))
