"""A folder in which a tiny model is trained, and all that a training writes."""

import json
import random
from pathlib import Path

import numpy
import torch
import yaml

from stages import train
from tests import tiny
from tuning.core.files import write_jsonl
from tuning.core.paths import CURVES
from tuning.model.adapters import ADAPTER

ROWS = 21  # in batches of four, two to a step: three steps an epoch, the last of them of half a batch


class Killed(BaseException):
    """Not an error that anything handles."""


def prepare(validation: int = 4) -> None:
    """Writes the rows that train reads into the working directory."""
    lines = (tiny.ROOT / "data/starter/instructions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [
        {
            "prompt": [{"role": "user", "content": row["instruction"]}],
            "completion": [{"role": "assistant", "content": row["output"]}],
        }
        for row in map(json.loads, lines[: ROWS + validation])
    ]
    write_jsonl(train.TRAIN, rows[:ROWS])
    write_jsonl(train.VALIDATION, rows[ROWS:])


def run(
    model: Path,
    full: bool = False,
    answers: int = 0,
    second_rate: float | str = "auto",
    quantized: bool = False,
    prompts: bool = False,
    **changes,
) -> None:
    """Trains in the working directory for nine steps in three epochs, with some changes of the section ``train``.

    Args:
        answers: ``unlikelihood.answers``; the first training then has fewer rows.
        second_rate: ``unlikelihood.learning_rate``.
        quantized: a base of 4 bits.
        prompts: prompt tuning beside LoRA.
    """
    values = tiny.params(str(model), "rows.jsonl", "prompts.jsonl")
    values["full_finetuning"] = full
    values["lora"].update(enabled=not full, lora_dropout=0.1)
    values["train"].update(num_train_epochs=3, max_steps=-1, gradient_accumulation_steps=2, neftune_noise_alpha=5)
    values["train"].update(logging_steps=5, save_steps=2, max_length=64)
    values["train"].update(changes)
    values["unlikelihood"].update(answers=answers, learning_rate=second_rate)
    values["quantization"]["enabled"], values["prompt_tuning"]["enabled"] = quantized, prompts
    Path("params.yaml").write_text(yaml.safe_dump(values))
    for source in (torch.manual_seed, numpy.random.seed, random.seed):
        source(random.SystemRandom().randrange(1 << 32))  # as in a new process, where nothing is as it was left
    train.main()


def written() -> dict[str, bytes]:
    """All results, by their files."""
    curves = [path for path in CURVES.rglob("*") if path.is_file()]
    adapter = [path for path in ADAPTER.iterdir() if path.is_file()]
    return {str(path): path.read_bytes() for path in (*curves, *adapter, train.METRICS)}
