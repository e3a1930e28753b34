"""A training that is killed after every checkpoint ends with the same bytes as one that is not."""

import pytest

from stages import train
from tests.combinations import checkerboard
from tests.stages.training_runs import Killed, written
from tuning.core.paths import CURVES, UNFINISHED
from tuning.training import checkpoints

STEPS = {2, 4, 6, 8}  # of nine; losses are logged at other steps, and 6 ends an epoch


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


@pytest.mark.parametrize(("full", "order"), checkerboard([False, True], ["group_by_length", "random"]))
def test_killed_after_every_checkpoint(training, killed_after, full, order):
    changes = {"full": full, "train_sampling_strategy": order}
    training(**changes)
    whole = written()
    assert not UNFINISHED.exists()
    killed_after |= STEPS
    for _ in STEPS:
        with pytest.raises(Killed):
            training(**changes)
        assert written() == whole  # what the run before has finished is left alone
    train.METRICS.unlink()
    training(**changes)
    assert written() == whole
    assert not UNFINISHED.exists()
    points = (CURVES / "plots/metrics/validation/loss.tsv").read_text().splitlines()
    assert [point.split("\t")[0] for point in points] == ["step", "0", "3", "6", "9"]


def test_checkpoints_are_kept_when_only_what_is_written_on_the_way_changes(training, killed_after, capsys):
    killed_after |= {4}
    with pytest.raises(Killed):
        training()
    training(save_steps=3, save_total_limit=1, logging_steps=1, dataloader_num_workers=1)
    assert "checkpoint-4" in capsys.readouterr().out
    points = (CURVES / "plots/metrics/train/loss.tsv").read_text().splitlines()
    assert [point.split("\t")[0] for point in points] == ["step", "5", "6", "7", "8", "9"]


def test_checkpoints_of_other_values_are_neither_used_nor_removed(training, killed_after, capsys):
    killed_after |= {4}
    with pytest.raises(Killed):
        training()
    training(learning_rate=1e-4)
    assert "going on" not in capsys.readouterr().out
    assert len(list(UNFINISHED.glob("train/*/checkpoint-4"))) == 1
    training()
    assert "going on" in capsys.readouterr().out
    assert not UNFINISHED.exists()


def test_all_keys_left_out_of_the_fingerprint_are_keys_of_the_trainer():
    from trl import SFTConfig

    assert all(hasattr(SFTConfig, name.partition(".")[2]) for name in checkpoints.WITHOUT)
