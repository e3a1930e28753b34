"""A training that is killed after every checkpoint ends with the same bytes as one that is not."""

import json
import random

import numpy
import pytest
import torch
import yaml

from stages import train
from tests import tiny
from tuning.core.files import write_jsonl
from tuning.core.paths import CURVES, UNFINISHED
from tuning.model.adapters import ADAPTER
from tuning.training import checkpoints

ROWS = 21  # in batches of four, two to a step: three steps an epoch, the last of them of half a batch
STEPS = {2, 4, 6, 8}  # of nine; losses are logged at other steps, and 6 ends an epoch


class Killed(BaseException):
    """Not an error that anything handles."""


@pytest.fixture
def project(tmp_path, tiny_model, monkeypatch):
    """A folder with prepared rows; a function that trains in it with some changes of params.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "keep_freed_memory", lambda: None)
    lines = (tiny.ROOT / "data/starter/instructions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [
        {
            "prompt": [{"role": "user", "content": row["instruction"]}],
            "completion": [{"role": "assistant", "content": row["output"]}],
        }
        for row in map(json.loads, lines[: ROWS + 4])
    ]
    write_jsonl(train.TRAIN, rows[:ROWS])
    write_jsonl(train.VALIDATION, rows[ROWS:])

    def run(full: bool = False, **changes):
        values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
        values["full_finetuning"] = full
        values["lora"].update(enabled=not full, lora_dropout=0.1)
        values["train"].update(num_train_epochs=3, max_steps=-1, gradient_accumulation_steps=2, neftune_noise_alpha=5)
        values["train"].update(logging_steps=5, save_steps=2, max_length=64)
        values["train"].update(changes)
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        for source in (torch.manual_seed, numpy.random.seed, random.seed):
            source(random.SystemRandom().randrange(1 << 32))  # as in a new process, where nothing is as it was left
        train.main()

    return run


@pytest.fixture
def killed_after(monkeypatch):
    """Steps whose checkpoint is the last thing that a run writes; each kills one run, and is left."""
    steps: set[int] = set()
    save = checkpoints.Checkpoints.on_save

    def save_and_die(self, args, state, control, **kwargs):
        save(self, args, state, control, **kwargs)
        if state.global_step in steps:
            steps.remove(state.global_step)
            raise Killed

    monkeypatch.setattr(checkpoints.Checkpoints, "on_save", save_and_die)
    return steps


def written():
    """All results, by their files."""
    curves = [path for path in CURVES.rglob("*") if path.is_file()]
    adapter = [path for path in ADAPTER.iterdir() if path.is_file()]
    return {str(path): path.read_bytes() for path in (*curves, *adapter, train.METRICS)}


@pytest.mark.parametrize("full", [False, True], ids=["lora", "full"])
@pytest.mark.parametrize("order", ["group_by_length", "random"])
def test_killed_after_every_checkpoint(project, killed_after, full, order):
    changes = {"full": full, "train_sampling_strategy": order}
    project(**changes)
    whole = written()
    assert not UNFINISHED.exists()
    killed_after |= STEPS
    for _ in STEPS:
        with pytest.raises(Killed):
            project(**changes)
        assert written() == whole  # what the run before has finished is left alone
    train.METRICS.unlink()
    project(**changes)
    assert written() == whole
    assert not UNFINISHED.exists()
    points = (CURVES / "plots/metrics/validation/loss.tsv").read_text().splitlines()
    assert [point.split("\t")[0] for point in points] == ["step", "0", "3", "6", "9"]


def test_checkpoints_are_kept_when_only_what_is_written_on_the_way_changes(project, killed_after, capsys):
    killed_after |= {4}
    with pytest.raises(Killed):
        project()
    project(save_steps=3, save_total_limit=1, logging_steps=1, dataloader_num_workers=1)
    assert "checkpoint-4" in capsys.readouterr().out
    points = (CURVES / "plots/metrics/train/loss.tsv").read_text().splitlines()
    assert [point.split("\t")[0] for point in points] == ["step", "5", "6", "7", "8", "9"]


def test_checkpoints_of_other_values_are_neither_used_nor_removed(project, killed_after, capsys):
    killed_after |= {4}
    with pytest.raises(Killed):
        project()
    project(learning_rate=1e-4)
    assert "going on" not in capsys.readouterr().out
    assert len(list(UNFINISHED.glob("train/*/checkpoint-4"))) == 1
    project()
    assert "going on" in capsys.readouterr().out
    assert not UNFINISHED.exists()


def test_all_keys_left_out_of_the_fingerprint_are_keys_of_the_trainer():
    from trl import SFTConfig

    assert all(hasattr(SFTConfig, name.partition(".")[2]) for name in checkpoints.WITHOUT)
