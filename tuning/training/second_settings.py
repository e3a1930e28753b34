"""How the second of two trainings is configured: as the first, but for its rate, its length, and what would disturb."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers.trainer_utils import SaveStrategy, SchedulerType
from trl import SFTConfig

from tuning.training.first_training import First

RATE = 0.3  # the learning rate, as a share of the training's, where it is ``auto``
RATES = ("min_lr", "max_lr", "lr_end")  # arguments of schedules that are learning rates
COUNTS = ("num_stable_steps", "num_decay_steps")  # and those that are counts of steps


def second(config: SFTConfig, first: First, rate: float | str) -> SFTConfig:
    """The configuration of the second training: that of the first with a rate of its own, for one epoch.

    Rates that the schedule is given fall with it, so that its course is the same.

    Args:
        rate: ``unlikelihood.learning_rate``.
    """
    found = copy.copy(config)
    found.output_dir = str(Path(config.output_dir, "second"))
    found.learning_rate = RATE * config.learning_rate if rate == "auto" else rate
    found.per_device_train_batch_size, found.gradient_accumulation_steps = first.batch
    found.num_train_epochs, found.max_steps = 1, -1
    found.eval_on_start = found.load_best_model_at_end = False
    found.packing = found.eval_packing = found.padding_free = False
    found.neftune_noise_alpha = None
    found.metric_for_best_model, found.greater_is_better = ("loss", False) if _follows_loss(config) else (None, None)
    if found.save_strategy == "best":
        found.save_strategy = SaveStrategy.STEPS
    if config.learning_rate:
        ratio = found.learning_rate / config.learning_rate
        found.lr_scheduler_kwargs = _scaled(config.lr_scheduler_kwargs, RATES, lambda rate: rate * ratio)
    return found


def of_length(config: SFTConfig, before: int, steps: int) -> SFTConfig:
    """The configuration with the step counts of its schedule for a training of so many steps.

    Args:
        before: steps of the training that the counts are given for.
    """

    def scaled(count: float) -> int:
        return round(count * steps / before) or min(count, 1)

    found = copy.copy(config)
    if found.warmup_steps >= 1:  # below 1 it is a share
        found.warmup_steps = scaled(found.warmup_steps)
    if found.get_warmup_steps(steps) >= steps:  # the polynomial schedule would divide by zero at its end
        found.warmup_steps = steps - 1
    found.lr_scheduler_kwargs = _scaled(config.lr_scheduler_kwargs, COUNTS, scaled)
    return found


def _follows_loss(config: SFTConfig) -> bool:
    """Whether the schedule goes by what an evaluation gives."""
    return config.lr_scheduler_type in (SchedulerType.REDUCE_ON_PLATEAU, SchedulerType.GREEDY)


def _scaled(arguments: dict[str, Any] | None, names: tuple[str, ...], scale: Callable) -> dict[str, Any] | None:
    """The arguments of a schedule, with the numbers of these names scaled."""
    if arguments is None:
        return None
    return {
        name: scale(value) if name in names and isinstance(value, int | float) else value
        for name, value in arguments.items()
    }
