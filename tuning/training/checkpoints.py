"""Checkpoints of one training run: found again after an interruption, so that it ends with the same bytes."""

import copy
import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tuning.core.errors import UserError, explained
from tuning.model.processes import rank, world_size

TRAINED = "trained.safetensors"
# Keys of `train` that change what is written on the way, or how fast, and no weight: dvc.yaml declares them with
# their section, and checkpoints are kept when they change.
WITHOUT = {
    "train.logging_steps": "how often losses are noted; points that a curve has already are kept",
    "train.logging_strategy": "the same",
    "train.logging_first_step": "the same",
    "train.save_steps": "how often checkpoints are written",
    "train.save_strategy": "the same",
    "train.save_total_limit": "how many of them are kept",
    "train.dataloader_num_workers": "processes that load rows; the order of the rows is drawn before",
    "train.dataloader_persistent_workers": "whether these processes live on",
    "train.dataloader_prefetch_factor": "batches that they load ahead",
    "train.dataloader_pin_memory": "where batches lie before they are copied to the device",
    "train.torch_empty_cache_steps": "when free memory goes back to the device",
    "train.disable_tqdm": "what is shown",
    "train.log_level": "what is shown",
    "train.log_level_replica": "what is shown",
}


def latest(folder: Path) -> str | None:
    """The newest complete checkpoint of exactly this run; None if there is none.

    One that is cut or damaged is reported and removed, and the one before it is tried.

    Raises:
        UserError: a checkpoint cannot be read, which says nothing about what is in it.
    """
    found = [path for path in folder.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", path.name)]
    for path in sorted(found, key=lambda path: -int(path.name.split("-")[1])):
        reason = problem(path)
        if reason is None:
            print(f"train: going on from {path}")
            return str(path)
        print(f"train: {path} cannot be used and is removed ({reason})")
        if rank() == 0:
            shutil.rmtree(path, ignore_errors=True)  # left there, it would count as one of save_total_limit
    return None


def problem(checkpoint: Path) -> str | None:
    """Why a checkpoint cannot be used (a file is missing or damaged); None if it can."""
    from safetensors import SafetensorError, safe_open

    try:
        state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        if 0 < state.get("max_steps", 0) <= state.get("global_step", 0):
            return "it is the run's last, and the trainer only goes on where a step is left"
        saved = [path for path in checkpoint.glob("*.safetensors") if path.name != TRAINED]
        if not saved and world_size() == 1:  # several processes may divide the weights, in other files
            return "the weights are missing"
        for weights in (checkpoint / TRAINED, *saved):
            with safe_open(weights, framework="np"):
                pass
        processes = range(world_size())
        random_states = [f"rng_state_{number}.pth" for number in processes] if len(processes) > 1 else ["rng_state.pth"]
        for name in (*_optimizer(checkpoint), "scheduler.pt", *random_states, *map(_progress, processes)):
            if zipfile.ZipFile(checkpoint / name).testzip() is not None:
                return f"{name} is damaged"
    except FileNotFoundError as error:
        return f"{Path(error.filename or TRAINED).name} is missing"
    except OSError as error:
        raise UserError(f"{checkpoint} cannot be read: {explained(error)}") from error
    except (ValueError, SafetensorError, zipfile.BadZipFile) as error:
        return str(error)
    return None


def tokens_seen(checkpoint: str | None) -> int:
    """Tokens that the run had trained on when it wrote the checkpoint."""
    if checkpoint is None:
        return 0
    return json.loads(Path(checkpoint, "trainer_state.json").read_text())["num_input_tokens_seen"]


class Checkpoints(TrainerCallback):
    """Adds to each of the trainer's checkpoints what a resumed run needs to end with the same bytes, and puts it back.

    - All trained weights: the trainer saves one PEFT adapter, and where LoRA and prompt tuning are trained together,
      this is only one of two. Written last, the file also shows that a checkpoint is whole.
    - The random state from which the order of the epoch's rows was drawn: the trainer restores the state of the
      checkpoint, but only after the order has been drawn.
    - The losses since the last point of the curve, and the sum of all before, of which the mean is made.

    Older checkpoints are removed here, once the new one is whole: the trainer itself would remove them before these
    files are written, and a run that is killed in between would have none.

    A checkpoint that is due at an epoch's last step is written after what the epoch's end brings, such as the
    validation loss; at the run's last step none is written, since the results follow at once.

    Args:
        trainer: to which this is added as a callback.
        checkpoint: the one that the run goes on from, if any.
    """

    def __init__(self, trainer, checkpoint: str | None = None):
        self.trainer = trainer
        self.checkpoint = checkpoint
        self.restored = None  # random state of the epoch that the checkpoint lies in, until it has been put back
        self.epoch_start = None  # random state from which the order of this epoch's rows was drawn
        self.is_due = False
        self.limit = trainer.args.save_total_limit
        trainer.args = copy.copy(trainer.args)
        trainer.args.save_total_limit = None

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        import torch

        if self.checkpoint is None:
            return
        load_trained(model, Path(self.checkpoint, TRAINED))
        progress = torch.load(Path(self.checkpoint, _progress(rank())), weights_only=True)
        self.restored = progress["epoch_start"]
        self.trainer._tr_loss += progress["loss"].to(self.trainer._tr_loss.device)
        self.trainer._total_loss_scalar = progress["loss_before"]
        self.trainer._globalstep_last_logged = progress["last_logged"]
        state.compute_steps(args, state.max_steps)  # the checkpoint may have been written with other intervals
        args.eval_on_start = False  # the checkpoint has this validation loss already

    def on_epoch_begin(self, args, state, control, **kwargs):
        import torch

        if self.restored is not None:
            torch.set_rng_state(self.restored)
            self.restored = None
        self.epoch_start = torch.get_rng_state()

    def on_step_end(self, args, state, control, **kwargs):
        ends_epoch = state.epoch == int(state.epoch)
        if control.should_save and (ends_epoch or state.global_step >= state.max_steps):
            self.is_due, control.should_save = True, False

    def on_epoch_end(self, args, state, control, **kwargs):
        control.should_save |= self.is_due
        self.is_due = False
        if state.global_step >= state.max_steps and not args.load_best_model_at_end:
            control.should_save = False

    def on_save(self, args, state, control, model=None, **kwargs):
        import torch
        from transformers.trainer_utils import rotate_checkpoints

        ends_epoch = state.epoch == int(state.epoch)
        progress = {
            "epoch_start": torch.get_rng_state() if ends_epoch else self.epoch_start,
            "loss": self.trainer._tr_loss.detach().cpu(),
            "loss_before": self.trainer._total_loss_scalar,
            "last_logged": self.trainer._globalstep_last_logged,
        }
        folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
        torch.save(progress, folder / _progress(rank()))
        weights = trained(model)
        self.trainer.accelerator.wait_for_everyone()  # all have written their progress
        if state.is_world_process_zero:
            save_trained(weights, folder / TRAINED)
            rotate_checkpoints(args.output_dir, self.limit, state.best_model_checkpoint)


def trained(model) -> dict[str, Any]:
    """The weights that are trained, by name, gathered from all processes where FSDP has divided them."""
    return {name: _whole(each).detach().cpu() for name, each in model.named_parameters() if each.requires_grad}


def save_trained(weights: dict[str, Any], path: Path) -> None:
    """Writes trained weights; the file is whole as soon as it is there."""
    from safetensors.torch import save_file

    new = path.with_name(f"{path.name}.new")
    save_file(weights, new)
    new.rename(path)


def load_trained(model, path: Path) -> None:
    """Puts trained weights into the model; FSDP restores those that it divides itself."""
    import torch
    from safetensors.torch import load_file

    weights = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in weights and not hasattr(parameter, "full_tensor"):
                parameter.copy_(weights[name])


def _progress(number: int) -> str:
    """The file of one process for what is not in the trainer's own files."""
    return f"progress_{number}.pt"


def _optimizer(checkpoint: Path) -> list[str]:
    """The file of the optimizer's states: FSDP gives it another name, and DeepSpeed has a folder instead."""
    if (checkpoint / "latest").is_file():
        return []
    return ["optimizer.bin" if (checkpoint / "optimizer.bin").is_file() else "optimizer.pt"]


def _whole(parameter):
    """The parameter, gathered from all processes where FSDP has divided it."""
    return parameter.full_tensor() if hasattr(parameter, "full_tensor") else parameter
