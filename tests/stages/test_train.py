"""What train writes and what it refuses, on a tiny model in a folder of its own."""

import json
import math
import os
import stat

import pytest
import torch
import yaml

from stages import train
from tests import tiny
from tests.combinations import checkerboard, slow
from tuning.core.errors import UserError
from tuning.core.files import write_jsonl
from tuning.training import checkpoints, fitting, trainer

ADAPTER, METRICS = "models/adapter/adapter_model.safetensors", "metrics/train.json"


def row(number: int) -> dict:
    asked, said = (
        f"What is {number} and why?",
        f"It is {number}, since it comes after {number - 1}. " * (1 + number % 3),
    )
    return {
        "prompt": [{"role": "user", "content": asked}],
        "completion": [{"role": "assistant", "content": said.strip()}],
    }


@pytest.fixture
def project(tmp_path, monkeypatch, tiny_model):
    """A folder with prepared rows; ``project(section__key=value)`` writes params.yaml and trains."""
    monkeypatch.chdir(tmp_path)
    write_jsonl(train.TRAIN, map(row, range(12)))
    write_jsonl(train.VALIDATION, map(row, range(12, 15)))

    def run(**changes):
        values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
        for name, value in changes.items():
            *sections, key = name.split("__")
            (values[sections[0]] if sections else values)[key] = value
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        train.main()
        return json.loads((tmp_path / METRICS).read_text())

    run.folder = tmp_path
    return run


def losses(folder) -> list[float]:
    lines = (folder / "metrics/curves/plots/metrics/train/loss.tsv").read_text().splitlines()
    return [float(line.split("\t")[1]) for line in lines[1:]]


@pytest.mark.parametrize(
    "changes",
    [slow({"train__logging_steps": 50}), {"train__logging_strategy": "no"}, slow({"train__logging_steps": 3})],
)
def test_the_loss_is_the_mean_of_all_steps_however_seldom_it_is_logged(project, changes):
    each = project(train__max_steps=4)["train_loss"]
    assert each == pytest.approx(sum(losses(project.folder)) / 4)
    seldom = project(train__max_steps=4, **changes)
    assert seldom["train_loss"] == pytest.approx(each, rel=1e-5)
    assert seldom["steps"] == 4
    assert (project.folder / ADAPTER).is_file()


@pytest.mark.parametrize(("step", "logging_steps"), checkerboard([2, 4], [1, 3, 50], every=3))
def test_a_resumed_run_has_the_same_mean(project, monkeypatch, step, logging_steps):
    changes = {"train__max_steps": 6, "train__save_steps": 2, "train__logging_steps": logging_steps}
    project(**changes)
    whole = (project.folder / METRICS).read_bytes(), (project.folder / ADAPTER).read_bytes()

    class Interrupted(checkpoints.Checkpoints):
        def on_save(self, args, state, control, **kwargs):
            super().on_save(args, state, control, **kwargs)
            if state.global_step == step:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "Checkpoints", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            project(**changes)
    project(**changes)
    assert ((project.folder / METRICS).read_bytes(), (project.folder / ADAPTER).read_bytes()) == whole


@pytest.mark.parametrize("name", [slow("adapter_model.safetensors"), "trained.safetensors", slow("optimizer.pt")])
def test_a_checkpoint_with_a_cut_file_is_passed_over(project, monkeypatch, capsys, name):
    def cut(self, args, state, control, **kwargs):
        super(Interrupted, self).on_save(args, state, control, **kwargs)
        if state.global_step == 4:
            path = next(project.folder.glob(f"unfinished/train/*/checkpoint-4/{name}"))
            path.write_bytes(path.read_bytes()[:-100])
            raise KeyboardInterrupt

    Interrupted = type("Interrupted", (checkpoints.Checkpoints,), {"on_save": cut})
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "Checkpoints", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            project(train__max_steps=6)
    assert project(train__max_steps=6)["steps"] == 6
    said = capsys.readouterr().out
    assert "checkpoint-4 cannot be used and is removed (" in said
    assert "going on from" in said
    assert "checkpoint-2" in said


@pytest.mark.parametrize(("max_grad_norm", "full"), checkerboard([0.0, 1.0], [False, True]))
def test_a_run_that_diverges_ends_and_leaves_the_adapter_of_before(project, max_grad_norm, full):
    project(train__max_steps=1)
    files = [path for path in project.folder.rglob("*") if path.suffix in (".json", ".safetensors", ".tsv")]
    before = {path: path.read_bytes() for path in files}
    changes = {"train__learning_rate": 1e30, "train__max_grad_norm": max_grad_norm}
    with pytest.raises(UserError, match=r"at step \d, with learning rate .*e\+\d+.*'train.learning_rate'"):
        project(**changes, lora__enabled=not full, full_finetuning=full)
    assert {path: path.read_bytes() for path in files} == before
    assert not [path for path in project.folder.rglob("*.json") if "NaN" in path.read_text()]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "loss"),
        slow({"train__eval_strategy": "no", "train__eval_on_start": False}, "training loss .* at step"),
        slow({"train__eval_strategy": "no", "train__eval_on_start": False, "train__logging_steps": 4}, "at step"),
    ],
)
def test_weights_that_bfloat16_makes_say_nothing_are_a_divergence_too(project, changes, words):
    """Their squares are too large for a norm, which passes on zeros: all is finite, and no token is the likeliest."""
    project(train__max_steps=1)
    before = (project.folder / ADAPTER).read_bytes()
    high = {"train__bf16": True, "train__learning_rate": 1e9, "train__max_grad_norm": 0.0, "train__max_steps": 6}
    with pytest.raises(UserError, match=rf"{words}.*with learning rate .*'train.learning_rate'"):
        project(**high, **changes)
    assert (project.folder / ADAPTER).read_bytes() == before


def test_a_last_step_that_spoils_the_weights_is_seen_without_validation(project):
    write_jsonl(train.VALIDATION, [])
    changes = {"train__warmup_steps": 0, "train__learning_rate": 1e30}
    with pytest.raises(UserError, match=r"training loss is (nan|inf) after the update at step 1, .* rate 1e\+30"):
        project(train__max_steps=1, **changes)
    assert not (project.folder / ADAPTER).exists()
    assert "validation_loss" not in project(train__max_steps=1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lora__target_modules": ["q_proj", "lm_head"]}, "'lora.target_modules'.*'lm_head'"),
        ({"lora__target_modules": r"(.*\.)?(q_proj|lm_head)"}, "'lora.target_modules'.*'lm_head'"),
        ({"lora__target_modules": ["nothing"]}, "no module named 'nothing'"),
        ({"lora__modules_to_save": ["nothing"]}, "params.yaml, 'lora.modules_to_save'.*'nothing'"),
        ({"train__lr_scheduler_kwargs": {"foo": 1}}, "'train.lr_scheduler_kwargs' with .*cosine.*foo"),
        ({"train__lr_scheduler_type": "polynomial", "train__lr_scheduler_kwargs": {"lr_end": 1}}, "lr_end"),
        ({"train__load_best_model_at_end": True}, "load_best_model_at_end requires"),
        (
            {
                "train__load_best_model_at_end": True,
                "train__eval_strategy": "steps",
                "train__eval_steps": 2,
                "train__metric_for_best_model": "bleu",
            },
            "'train.metric_for_best_model' must be one of loss, .*bleu",
        ),
        ({"train__metric_for_best_model": "bleu"}, "'train.metric_for_best_model' must be one of loss, .*bleu"),
        ({"train__loss_type": "no"}, "'train.loss_type' must be one of nll, dft"),
        ({"train__optim_args": "betas"}, "'train.optim_args' .betas"),
        ({"train__eos_token": "<none>"}, "'train.eos_token': '<none>'"),
    ],
)
def test_what_the_libraries_refuse_is_said_before_weights_are_loaded(project, monkeypatch, changes, words):
    monkeypatch.setattr(fitting, "load_model", lambda *_: pytest.fail("weights are loaded"))
    with pytest.raises(UserError, match=words):
        project(**changes)


@pytest.mark.parametrize(("path", "is_folder"), [(METRICS, True), ("models/adapter", False)])
def test_what_lies_in_an_outputs_place_is_said_before_weights_are_loaded(project, monkeypatch, path, is_folder):
    monkeypatch.setattr(fitting, "load_model", lambda *_: pytest.fail("weights are loaded"))
    place = project.folder / path
    place.mkdir(parents=True) if is_folder else (place.parent.mkdir(), place.write_text("mine"))
    with pytest.raises(UserError, match=f"{path} is a .*: move it away"):
        project()
    assert place.exists()


BEST = {"train__load_best_model_at_end": True, "train__eval_strategy": "steps", "train__eval_steps": 2}


@pytest.mark.parametrize("metric", ["loss", "mean_token_accuracy"])
def test_the_validation_loss_is_that_of_the_best_weights(project, monkeypatch, metric):
    evaluated, validation_loss = [], trainer.validation_loss

    def both(sft):
        told = validation_loss(sft)
        evaluated.extend((sft.state.best_model_checkpoint, sft.evaluate()["eval_loss"]))
        return told

    monkeypatch.setattr(trainer, "validation_loss", both)
    worst = {"train__metric_for_best_model": metric, "train__greater_is_better": metric == "loss"}
    told = project(**BEST, **worst, train__learning_rate=0.01, train__save_steps=2, train__max_steps=4)
    assert evaluated[0].endswith("checkpoint-2")
    assert told["validation_loss"] == pytest.approx(evaluated[1], rel=1e-5)


def test_files_of_the_adapter_have_the_mode_of_the_umask(project):
    before = os.umask(0o022)
    try:
        project(train__max_steps=1)
    finally:
        os.umask(before)
    files = [path for path in (project.folder / "models/adapter").rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o644}


def test_a_model_that_computes_no_numbers_is_said_before_the_first_step(project, tmp_path, tiny_model, monkeypatch):
    from tuning.model import base_model

    load = base_model.load_model

    def broken(spec):
        model = load(spec)
        model.lm_head.weight.data[0] = math.nan
        return model

    monkeypatch.setattr(fitting, "load_model", broken)
    with pytest.raises(UserError, match=r"before the first step the validation loss is nan.*dtype"):
        project()


def test_rows_without_a_completion_within_the_limit_are_left_out(project, capsys):
    long = row(3)
    long["prompt"][0]["content"] = "word " * 400
    write_jsonl(train.TRAIN, [*([long] * 4), *map(row, range(8))])
    assert project(train__max_length=64, train__max_steps=3)["rows_truncated"] == 0
    assert "4 of 12 rows left out" in capsys.readouterr().out
    write_jsonl(train.TRAIN, [long] * 4)
    with pytest.raises(UserError, match="'train.max_length', 64 tokens"):
        project(train__max_length=64)


class Memory:
    """Runs out once a step, or a run, has more rows to a batch than fit."""

    def __init__(self, fits, monkeypatch):
        from trl import SFTTrainer

        step, self.batches = SFTTrainer.training_step, []

        def training_step(trainer, *given, **named):
            rows = trainer.args.per_device_train_batch_size
            self.batches.append(rows)
            if rows > fits and trainer.state.global_step >= 2:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
            return step(trainer, *given, **named)

        monkeypatch.setattr(SFTTrainer, "training_step", training_step)


def test_where_memory_runs_out_training_goes_on_with_smaller_batches(project, monkeypatch, capfd):
    whole = project(train__max_steps=3, train__save_steps=2)
    memory = Memory(2, monkeypatch)
    found = project(train__max_steps=3, train__save_steps=2)
    said = capfd.readouterr().out
    assert "train: memory ran out with batches of 4 rows: going on with 2" in said
    assert "going on from unfinished/train" in said  # and not from the start
    assert memory.batches == [4, 4, 4, 2, 2]
    assert found["train_loss"] == pytest.approx(whole["train_loss"], abs=1e-4)
    assert found["steps"] == 3


def test_one_row_that_does_not_fit_is_one_error_with_remedies(project, monkeypatch):
    Memory(0, monkeypatch)
    with pytest.raises(UserError, match=r"one row at a time: set 'train.gradient_checkpointing'.*stages.estimate"):
        project(train__max_steps=3, train__per_device_train_batch_size=1)
    assert not (project.folder / ADAPTER).exists()
