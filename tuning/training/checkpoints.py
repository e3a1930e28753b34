"""Checkpoints of one training run: found again after an interruption, removed after success."""

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from tuning.config.params import Params

CHECKPOINTS = Path("models/checkpoints")
TRAINED = "trained.safetensors"


def relevant(params: Params) -> list[Any]:
    """What a training run depends on."""
    names = ("model_config", "tokenizer_config", "quantization", "lora", "prompt_tuning", "train")
    sections = (getattr(params, name).model_dump() for name in names)
    return [params.model, params.tokenizer, params.seed, params.launch, params.full_finetuning, *sections]


def latest(folder: Path) -> str | None:
    """The newest whole checkpoint in the folder of exactly this run, or None to start afresh.

    One that cannot be read is reported and passed over for the one before.
    """
    found = [path for path in folder.glob("checkpoint-*") if re.fullmatch(r"checkpoint-\d+", path.name)]
    for path in sorted(found, key=lambda path: -int(path.name.split("-")[1])):
        reason = problem(path)
        if reason is None:
            print(f"train: going on from {path}")
            return str(path)
        print(f"train: {path} cannot be used ({reason})")
    return None


def problem(checkpoint: Path) -> str | None:
    """Why a checkpoint cannot be used, or None. It was cut short or damaged if a file is missing or unreadable."""
    from safetensors import SafetensorError, safe_open

    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        with safe_open(checkpoint / TRAINED, framework="np"):
            pass
        for name in ("optimizer.pt", "scheduler.pt", *(path.name for path in checkpoint.glob("rng_state*.pth"))):
            if zipfile.ZipFile(checkpoint / name).testzip() is not None:
                return f"{name} is damaged"
    except FileNotFoundError as error:
        return f"{Path(error.filename or TRAINED).name} is missing"
    except (ValueError, OSError, SafetensorError, zipfile.BadZipFile) as error:
        return str(error)
    return None


def tokens_seen(checkpoint: str | None) -> int:
    """Tokens that the run had trained on when it wrote the checkpoint."""
    if checkpoint is None:
        return 0
    return json.loads(Path(checkpoint, "trainer_state.json").read_text())["num_input_tokens_seen"]


def finish(folder: Path) -> None:
    """Removes this run's checkpoints, and those that other interrupted runs have left."""
    shutil.rmtree(folder.parent, ignore_errors=True)


class Trained(TrainerCallback):
    """Keeps all trained weights in each checkpoint and puts them back.

    The trainer saves one PEFT adapter; where LoRA and prompt tuning are trained together, this is only
    one of two. Written last, the file also shows that a checkpoint is whole.
    """

    def __init__(self, checkpoint: str | None = None):
        self.checkpoint = checkpoint

    def on_save(self, args, state, control, model=None, **kwargs):
        from safetensors.torch import save_file

        weights = {name: _whole(p).detach().cpu() for name, p in model.named_parameters() if p.requires_grad}
        if state.is_world_process_zero:
            folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
            save_file(weights, folder / f"{TRAINED}.new")
            (folder / f"{TRAINED}.new").rename(folder / TRAINED)

    def on_train_begin(self, args, state, control, model=None, **kwargs):
        import torch
        from safetensors.torch import load_file

        if self.checkpoint is not None:
            weights = load_file(Path(self.checkpoint, TRAINED))
            with torch.no_grad():
                for name, parameter in model.named_parameters():
                    if name in weights and not hasattr(parameter, "full_tensor"):  # FSDP restores its own
                        parameter.copy_(weights[name])


def _whole(parameter):
    """The parameter, gathered from all processes where FSDP has divided it."""
    return parameter.full_tensor() if hasattr(parameter, "full_tensor") else parameter
