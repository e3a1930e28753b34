"""Checkpoints of one training run: found again after an interruption, removed after success."""

import json
import re
import shutil
from pathlib import Path

CHECKPOINTS = Path("models/checkpoints")


def latest(folder: Path) -> str | None:
    """The newest complete checkpoint in the folder of exactly this run, or None to start afresh.

    The trainer writes ``trainer_state.json`` last, so a checkpoint without it was cut short.
    """
    found = {
        int(match.group(1)): path
        for path in folder.glob("checkpoint-*")
        if (match := re.fullmatch(r"checkpoint-(\d+)", path.name)) and (path / "trainer_state.json").is_file()
    }
    if not found:
        return None
    print(f"train: going on from {found[max(found)]}")
    return str(found[max(found)])


def tokens_seen(checkpoint: str | None) -> int:
    """Tokens that the run had trained on when it wrote the checkpoint."""
    if checkpoint is None:
        return 0
    return json.loads(Path(checkpoint, "trainer_state.json").read_text())["num_input_tokens_seen"]


def finish(folder: Path) -> None:
    """Removes this run's checkpoints, and those that other interrupted runs have left."""
    shutil.rmtree(folder.parent, ignore_errors=True)
