"""Said and checked before weights are loaded: what training will do, and whether the device can."""

import math
import sys
from typing import Any

from stages.lib import capacity, memory
from stages.lib.adapters import kind
from stages.lib.errors import UserError
from stages.lib.launch import rank, world_size
from stages.lib.models import device, is_quantized


def check_device(params: dict[str, Any]) -> None:
    """Raises UserError where an option needs a CUDA device that is not there."""
    optimizer = str(params["train"].get("optim", ""))
    if device() == "cuda":
        return
    if "paged" in optimizer:
        raise UserError(f"'train.optim': {optimizer} pages between a GPU and main memory, and there is no CUDA device")
    if params["train"].get("fp16"):
        raise UserError("'train.fp16' needs a CUDA device, and there is none")


def describe_training(params: dict[str, Any], lengths: list[int]) -> None:
    """Prints one line on what is about to happen, and a warning where it will not fit.

    Args:
        lengths: tokens of each row to train on.
    """
    if rank() > 0:
        return
    train = params["train"]
    longest = min(max(lengths), train.get("max_length") or max(lengths))
    estimated = memory.estimate_training(params, longest)
    count = steps(train, len(lengths))
    rows = count * batch_size(train)
    tokens = round(sum(lengths) / len(lengths) * rows)
    bits = 4 if params["quantization"].get("load_in_4bit") else 8
    quantized = f"{bits}-bit base" if is_quantized(params) else "not quantized"
    processes = f" x {world_size()} processes" if world_size() > 1 else ""
    print(
        f"train: {params['model']} ({estimated.parameters:,} parameters), {kind(params)} "
        f"({estimated.trainable_parameters:,} trainable, {estimated.trainable_parameters / estimated.parameters:.2%}), "
        f"{quantized}, on {device()}{processes}: {len(lengths)} rows, {count} steps, about {tokens:,} tokens",
        flush=True,
    )
    free = capacity.free_bytes()
    if free is not None and estimated.training_bytes > free:
        print(
            f"warning: training needs about {estimated.training_bytes / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB "
            f"are free on {device()}: try quantization.enabled, train.gradient_checkpointing, or a smaller "
            "train.per_device_train_batch_size or train.max_length",
            file=sys.stderr,
        )


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
