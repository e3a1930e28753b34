"""Work of the parts that needs a process of its own: on the CPU, killed, or under ``accelerate launch``.

python -m bench.gpu.worker losses|killed|sharded MODEL FOLDER
python -m bench.gpu.worker killed-in-second
"""

import os
import signal
import sys
from pathlib import Path

import torch
from transformers import TrainerCallback

from bench.gpu import small
from tuning.core.files import write_json
from tuning.model.adapters import save_adapter
from tuning.model.base_model import load_model
from tuning.training.trainer import gathered

KILLED_AT = 5  # the step in whose middle the process ends; the last checkpoint is of step 4


class Kill(TrainerCallback):
    """Ends the process as a user, a queue or the system would."""

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        if state.global_step == KILLED_AT:
            os.kill(os.getpid(), signal.SIGKILL)


def losses(model: Path, folder: Path) -> None:
    """Trains and answers in exact float32, and writes losses and texts down."""
    write_json(folder / "losses.json", measured(model, folder))


def measured(model: Path, folder: Path) -> dict[str, list]:
    """Losses of a training in exact float32, and texts of the model that it starts with.

    What it ends with differs from device to device by its rounding, and so may a text.
    """
    experiment = small.experiment(model, folder, **small.EXACT)
    texts = small.texts(load_model(experiment.run.model))
    return {"losses": small.losses(experiment.train()), "texts": texts}


def killed(model: Path, folder: Path) -> None:
    """Trains until it is killed."""
    repeatable()
    small.experiment(model, folder).train(Kill())


def killed_in_second() -> None:
    """The train stage of the working directory, until it is killed in its second training."""
    from stages import train
    from tuning.training import unlikelihood

    class Dying(unlikelihood.UnlikelihoodTrainer):
        def compute_loss(self, *args, **kwargs):
            if self.state.global_step == KILLED_AT:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().compute_loss(*args, **kwargs)

    unlikelihood.UnlikelihoodTrainer = Dying
    train.main()


def repeatable() -> None:
    """Asks torch for kernels that give the same numbers every time; it warns where it has none."""
    torch.use_deterministic_algorithms(True, warn_only=True)


def sharded(model: Path, folder: Path) -> None:
    """Trains as ``accelerate launch`` has set it up, gathers and saves; and writes down how the weights lay."""
    experiment = small.experiment(model, folder, **small.EXACT)
    trainer = experiment.train()
    weights = gathered(trainer)
    lay = sorted({type(parameter).__name__ for parameter in trainer.model_wrapped.parameters()})
    if trainer.is_world_process_zero():
        run = experiment.run
        save_adapter(
            trainer.accelerator.unwrap_model(trainer.model), folder / "adapter", run.model, run.adapter, weights
        )
        kind = str(trainer.accelerator.distributed_type).removeprefix("DistributedType.")
        found = {"distributed_type": kind, "parameters": lay, "gathered": weights is not None}
        write_json(folder / "sharded.json", {**found, "losses": small.losses(trainer)})


if __name__ == "__main__":
    if sys.argv[1] == "killed-in-second":
        killed_in_second()
    else:
        {"losses": losses, "killed": killed, "sharded": sharded}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
