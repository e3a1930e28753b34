"""What the first of two trainings leaves on the disk, so that a run that is killed in the second goes on there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning.core.errors import UserError
from tuning.core.files import read_json, write_json
from tuning.training.checkpoints import save_trained, trained
from tuning.training.fitting import Fitted

FILE, WEIGHTS = "first.json", "first.safetensors"


@dataclass(frozen=True)
class First:
    """A first training that has ended.

    Attributes:
        weights: the file of what was trained.
        metrics, measured: what is told of it, see ``trainer.metrics`` and ``Fitted``.
        log: what its trainer noted.
        batch: rows of a batch, and batches of a step, which fitted in memory.
    """

    weights: Path
    metrics: dict[str, Any]
    measured: dict[str, Any]
    log: list[dict[str, Any]]
    batch: tuple[int, int]


def read(folder: Path) -> First | None:
    """The first training of the run whose unfinished work is in this folder; None if it has not ended.

    One whose files are cut or damaged is passed over, and so trained again from its last checkpoint.
    """
    from safetensors import SafetensorError, safe_open

    if not (folder / FILE).is_file():
        return None
    try:
        found = First(folder / WEIGHTS, **read_json(folder / FILE))
        with safe_open(found.weights, framework="np"):
            return found
    except (UserError, TypeError, FileNotFoundError, SafetensorError) as error:
        print(f"train: the first training in {folder} cannot be used ({error})")
        return None


def write(folder: Path, fitted: Fitted, metrics: dict[str, Any]) -> None:
    """Keeps a training that has ended; to be called by all processes."""
    trainer, config = fitted.trainer, fitted.config
    weights = trained(trainer.model)
    if trainer.is_world_process_zero():
        save_trained(weights, folder / WEIGHTS)
        batch = [config.per_device_train_batch_size, config.gradient_accumulation_steps]
        about = {"metrics": metrics, "measured": fitted.measured, "log": trainer.state.log_history, "batch": batch}
        write_json(folder / FILE, about)
    trainer.accelerator.wait_for_everyone()
