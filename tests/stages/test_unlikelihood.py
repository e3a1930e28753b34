"""The second training, in which repetitions are unlearnt: what it writes, and that it goes on after any kill."""

import json

import pytest
import torch

from stages import train
from tests.combinations import slow
from tests.stages.training_runs import Killed, written
from tuning.core.errors import UserError
from tuning.core.paths import CURVES, UNFINISHED
from tuning.generation.response_file import Partial
from tuning.training import checkpoints, first_training
from tuning.training.unlikelihood import UnlikelihoodTrainer

ANSWERS = 6


def metrics() -> dict:
    return json.loads(train.METRICS.read_text())


def test_what_it_tells(training):
    changes = {"num_train_epochs": 1, "gradient_accumulation_steps": 1, "logging_steps": 1}
    training(**changes)
    alone = metrics()
    training(**changes, answers=ANSWERS)
    both, own = metrics(), metrics()["unlikelihood"]
    assert own["answers"] == ANSWERS
    assert 0 < own["looping"] <= ANSWERS  # a model of random weights says the same again and again
    assert set(own) == {"answers", "looping", "steps", "tokens", "train_loss", "validation_loss_before"}
    assert both["steps"] - own["steps"] == alone["steps"] - 2  # fifteen rows instead of twenty-one
    assert own["validation_loss_before"] != both["validation_loss"]
    points = (CURVES / "plots/metrics/train/loss.tsv").read_text().splitlines()
    assert [int(point.split("\t")[0]) for point in points[1:]] == list(range(1, both["steps"] + 1))
    measured = json.loads(train.MEASURED.read_text())
    assert measured["seconds"] > measured["unlikelihood"]["seconds"]


@pytest.mark.parametrize("full", [False, slow(True)], ids=["lora", "full"])
def test_killed_whenever_something_was_written(training, monkeypatch, full):
    changes = {
        "full": full,
        "answers": ANSWERS,
        "save_steps": 1,
        "num_train_epochs": 1,
        "gradient_accumulation_steps": 1,
    }
    training(**changes)
    whole, died = written(), set()

    def die_once(event) -> None:
        if event not in died:
            died.add(event)
            raise Killed

    def dying(function, event):
        def run(self, *args, **kwargs):
            function(self, *args, **kwargs)
            die_once(event(self, *args))

        return run

    saved = dying(
        checkpoints.Checkpoints.on_save, lambda self, args, state, *rest: (args.output_dir, state.global_step)
    )
    monkeypatch.setattr(checkpoints.Checkpoints, "on_save", saved)
    monkeypatch.setattr(Partial, "add", dying(Partial.add, lambda self, rows: ("answers", len(self.rows))))
    monkeypatch.setattr(first_training, "write", first_written(die_once))
    for _ in range(20):
        try:
            training(**changes)
            break
        except Killed:
            assert written() == whole  # what the run before has finished is left alone
    assert {"first", "answers"} <= {event[0] for event in died}
    assert len({event[0] for event in died}) == 4  # checkpoints of both trainings too
    assert written() == whole
    assert not UNFINISHED.exists()


@pytest.mark.parametrize("name", [slow(first_training.FILE), first_training.WEIGHTS])
def test_a_first_training_that_is_cut_is_trained_again(training, monkeypatch, capsys, name):
    training(answers=ANSWERS)
    whole = written()
    with monkeypatch.context() as patched:
        patched.setattr(Partial, "add", lambda self, rows: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            training(answers=ANSWERS)
    [cut] = UNFINISHED.glob(f"train/*/{name}")
    cut.write_bytes(cut.read_bytes()[:40])
    training(answers=ANSWERS)
    assert "the first training in" in capsys.readouterr().out
    assert written() == whole


def first_written(die_once):
    write = first_training.write

    def run(*args) -> None:
        write(*args)
        die_once(("first",))

    return run


def test_smaller_batches_where_memory_runs_out_in_it(training, monkeypatch, capsys):
    def compute_loss(self, model, inputs, *args, **kwargs):
        if model.training and len(inputs["labels"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return loss(self, model, inputs, *args, **kwargs)

    loss = UnlikelihoodTrainer.compute_loss
    monkeypatch.setattr(UnlikelihoodTrainer, "compute_loss", compute_loss)
    training(answers=ANSWERS, eval_strategy="no", eval_on_start=False)
    assert "going on with 2" in capsys.readouterr().out
    assert metrics()["unlikelihood"]["steps"]


def test_without_loops_the_rows_are_learnt_all_the_same(training, monkeypatch, capsys):
    monkeypatch.setattr("tuning.training.unlikelihood.loops", lambda tokens: False)
    training(answers=ANSWERS)
    assert f"0 of {ANSWERS} own answers loop" in capsys.readouterr().out
    assert metrics()["unlikelihood"]["looping"] == 0
    assert metrics()["unlikelihood"]["steps"] == 1  # six rows, eight to a step


def test_what_only_the_first_training_can_follow(training):
    best = {"metric_for_best_model": "mean_token_accuracy", "save_strategy": "best", "load_best_model_at_end": True}
    changes = {"lr_scheduler_type": "polynomial", "learning_rate": 1e-3, "lr_scheduler_kwargs": {"lr_end": 9e-4}}
    training(answers=ANSWERS, eval_strategy="steps", eval_steps=1, **best, **changes)
    assert metrics()["unlikelihood"]["steps"]


@pytest.mark.parametrize("changes", [{"quantized": True, "gradient_checkpointing": True}, {"prompts": True}])
def test_quantized_models_and_prompt_tuning_answer_too(training, changes):
    training(answers=ANSWERS, **changes)
    assert metrics()["unlikelihood"]["answers"] == ANSWERS


@pytest.mark.slow
def test_a_second_training_that_diverges_names_its_own_key(training):
    training(answers=ANSWERS)
    whole = written()
    with pytest.raises(UserError, match=r"at step \d, with learning rate .*'unlikelihood.learning_rate'"):
        training(answers=ANSWERS, second_rate=1e30, gradient_accumulation_steps=1, max_grad_norm=0.0)
    assert written() == whole
