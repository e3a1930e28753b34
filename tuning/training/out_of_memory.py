"""Going on with smaller batches where training runs out of memory all the same."""

import copy
import gc
from typing import TYPE_CHECKING

from tuning.core.allocator import trim
from tuning.core.errors import UserError
from tuning.model.device import free_unused, is_out_of_memory
from tuning.model.processes import world_size

if TYPE_CHECKING:
    from trl import SFTConfig


def smaller(config: "SFTConfig", error: Exception) -> "SFTConfig":
    """The configuration with half the batch and twice the accumulation, so that a step takes the same rows.

    Args:
        error: what ended training; anything but a lack of memory is raised again.

    Raises:
        UserError: a batch of one row does not fit, or several processes would have to agree on it.
    """
    if not is_out_of_memory(error):
        raise error
    batch = config.per_device_train_batch_size
    remedies = "'train.gradient_checkpointing' or 'quantization.enabled' to true, 'train.max_length' lower"
    advice = f"set {remedies}, or take a smaller 'model'; `python -m stages.estimate` says what each saves"
    if batch == 1:
        raise UserError(f"memory ran out in training, with one row at a time: {advice}") from error
    if world_size() > 1:
        raise UserError(
            f"memory ran out in training: set 'train.per_device_train_batch_size' to {batch // 2}, or {advice}"
        ) from error
    found = copy.copy(config)
    found.per_device_train_batch_size = batch // 2
    found.gradient_accumulation_steps = config.gradient_accumulation_steps * batch // (batch // 2)
    print(f"train: memory ran out with batches of {batch} rows: going on with {batch // 2}", flush=True)
    return found


def free() -> None:
    """Frees what a model and its trainer held; nothing may refer to them any more."""
    gc.collect()
    free_unused()
    trim()
