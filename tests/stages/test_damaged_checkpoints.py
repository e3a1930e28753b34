"""A checkpoint that was cut, damaged or interrupted is left for the one before it, and the run ends with the same."""

import shutil

import pytest
import safetensors.torch
import torch
from transformers import Trainer, TrainerState

from stages import train
from tests.combinations import checkerboard
from tests.stages import training_runs
from tests.stages.training_runs import Killed, written
from tuning.core.errors import UserError
from tuning.core.paths import UNFINISHED
from tuning.training import checkpoints

FILES = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")
OWN_FILES = (checkpoints.TRAINED, "progress_0.pt")


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_model):
    """What a run writes that nothing has interrupted."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("whole"))
        patched.setattr(train, "keep_freed_memory", lambda: None)
        training_runs.prepare()
        training_runs.run(tiny_model)
        return written()


@pytest.fixture
def interrupted(training, monkeypatch):
    """Trains, killed after step 6, and returns the checkpoints of steps 4 and 6."""
    save = checkpoints.Checkpoints.on_save

    def save_and_die(self, args, state, control, **kwargs):
        save(self, args, state, control, **kwargs)
        if state.global_step == 6:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.Checkpoints, "on_save", save_and_die)
        with pytest.raises(Killed):
            training()
    return sorted(UNFINISHED.glob("train/*/checkpoint-*"))


def damaged(content: bytes, how: str) -> bytes | None:
    return {"cut": content[: len(content) // 2], "empty": b"", "gone": None, "zeros": bytes(len(content))}[how]


@pytest.mark.parametrize("how", ["cut", "empty", "gone", "zeros"])
def test_each_file_damaged_in_each_way(interrupted, capsys, how):
    _, newest = interrupted
    assert checkpoints.problem(newest) is None
    for name in (*FILES, *OWN_FILES):
        whole = (newest / name).read_bytes()
        content = damaged(whole, how)
        (newest / name).unlink() if content is None else (newest / name).write_bytes(content)
        assert checkpoints.problem(newest), name
        (newest / name).write_bytes(whole)


@pytest.mark.parametrize("both", [False, True])
def test_the_checkpoint_before_is_used_or_the_run_starts_over_and_says_so(interrupted, training, capsys, whole, both):
    older, newest = interrupted
    for folder in [newest, older] if both else [newest]:
        weights = folder / "adapter_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
    capsys.readouterr()
    training()
    said = capsys.readouterr().out
    assert f"{newest} cannot be used and is removed (" in said
    assert (f"going on from {older}" in said) != both
    assert written() == whole


def test_one_that_cannot_be_read_is_not_removed(interrupted, training):
    older, newest = interrupted
    (newest / "optimizer.pt").unlink()
    (newest / "optimizer.pt").mkdir()
    with pytest.raises(UserError, match=r"checkpoint-6 cannot be read: .*optimizer.pt: Is a directory"):
        training()
    assert newest.is_dir()
    assert older.is_dir()


# What a checkpoint's saving calls, in the order of the calls.
MOMENTS = [
    (Trainer, "save_model"),
    (Trainer, "_save_optimizer_and_scheduler"),
    (Trainer, "_save_rng_state"),
    (TrainerState, "save_to_json"),
    (checkpoints.Checkpoints, "on_save"),
    (torch, "save"),
    (safetensors.torch, "save_file"),
    (shutil, "rmtree"),
]


@pytest.mark.parametrize(("moment", "before"), checkerboard(range(len(MOMENTS)), [True, False]))
def test_killed_anywhere_in_the_saving_of_a_checkpoint(training, monkeypatch, capsys, whole, moment, before):
    """Before or after each call of a checkpoint's saving, where one is kept: it or the one before is always whole."""
    where, name = MOMENTS[moment]
    original = getattr(where, name)

    def call(*args, **kwargs):
        due = any(UNFINISHED.glob("train/*/checkpoint-4"))
        if due and before:
            raise Killed
        result = original(*args, **kwargs)
        if due:
            raise Killed
        return result

    with monkeypatch.context() as patched:
        patched.setattr(where, name, call)
        with pytest.raises(Killed):
            training(save_total_limit=1)
    capsys.readouterr()
    training(save_total_limit=1)
    assert "going on from" in capsys.readouterr().out
    assert written() == whole
    assert not UNFINISHED.exists()
