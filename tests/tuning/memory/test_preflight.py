"""What is said before training starts."""

import pytest

from stages.estimate import run_on
from tests.tiny import checked
from tuning.core.errors import UserError
from tuning.memory import preflight
from tuning.memory.estimator import Estimator


def test_one_line_on_what_training_will_do(params, capsys):
    params["train"]["max_steps"] = -1
    preflight.plan_training(run_on(checked(params), None), [10] * 9, (), strict=True)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    for words in (params["model"], "LoRA", "trainable", "not quantized", "on cpu", "9 rows, 3 steps, about 120 tokens"):
        assert words in out


@pytest.mark.parametrize(("packing", "longest"), [(False, 20), (True, 50)])
def test_packed_rows_fill_a_sequence(params, monkeypatch, packing, longest):
    seen = []
    monkeypatch.setattr(preflight, "_fitted", lambda run, tokens, may: seen.append(tokens) or (Estimator(run), None))
    run = run_on(checked(params), None).with_training(packing=packing, max_length=50)
    preflight.plan_training(run, [20] * 9, (), strict=True)
    assert seen == [longest]


@pytest.mark.parametrize(
    ("options", "words"), [({"optim": "paged_adamw_8bit"}, "no CUDA device"), ({"fp16": True}, "fp16")]
)
def test_what_needs_a_gpu_is_refused_without_one(params, options, words):
    params["train"].update(options)
    with pytest.raises(UserError, match=words):
        preflight.check_device(checked(params).train.arguments)


@pytest.mark.parametrize(
    ("train", "rows", "steps"),
    [
        ({"max_steps": 7}, 100, 7),
        ({"per_device_train_batch_size": 8, "num_train_epochs": 1}, 17, 3),
        ({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "num_train_epochs": 2}, 17, 6),
    ],
)
def test_steps(params, train, rows, steps):
    params["train"].update({"max_steps": -1, "gradient_accumulation_steps": 1} | train)
    assert preflight.steps(run_on(checked(params), None).training, rows) == steps
