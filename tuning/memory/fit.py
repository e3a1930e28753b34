"""How a training step is made to fit the device, where ``auto`` leaves that open, without changing what is learnt.

The rows of an optimizer step are divided into smaller batches whose gradients are added up, and layers are computed
again in backward instead of being kept (gradient checkpointing). Both give the same gradients to rounding.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tuning.memory.estimator import Estimator, Memory
from tuning.memory.run import Run


@dataclass(frozen=True)
class Open:
    """What may be changed: the batch (with the accumulation that keeps an optimizer step's rows), checkpointing."""

    batch: bool = False
    checkpointing: bool = False


def fitted(run: Run, length: int, room: int | None, may: Open) -> tuple[Estimator, Memory]:
    """The first way to train that fits, or, where none does, the one that needs least; with what it needs.

    The largest batch that fits without checkpointing comes first, then the largest with it.

    Args:
        length: tokens of the longest row.
        room: bytes that are free; None where that cannot be told.

    Raises:
        CannotEstimate: a step of this model cannot be run without data.
    """
    best = None
    for way in ways(run, may):
        model = Estimator(way)
        needed = model.training(way.training.per_device_train_batch_size, length)
        if room is None or needed.least <= room:
            return model, needed
        if best is None or needed.least < best[1].least:
            best = model, needed
    return best


def ways(run: Run, may: Open) -> Iterator[Run]:
    """The ways to train, the fastest first: batches halved down to one row, without and with checkpointing."""
    training = run.training
    rows = training.per_device_train_batch_size * training.gradient_accumulation_steps
    batches = [training.per_device_train_batch_size]
    while may.batch and batches[-1] > 1:
        batches.append(batches[-1] // 2)
    for checkpointing in (False, True) if may.checkpointing else (training.gradient_checkpointing,):
        for batch in batches:
            steps = max(1, rows // batch)
            yield run.with_training(
                per_device_train_batch_size=batch,
                gradient_accumulation_steps=steps if may.batch else training.gradient_accumulation_steps,
                gradient_checkpointing=checkpointing,
            )
