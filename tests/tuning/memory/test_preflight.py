"""What is said before training starts."""

import pytest

from tuning.core.errors import UserError
from tuning.memory import preflight


def test_one_line_on_what_training_will_do(params, capsys):
    params["train"]["max_steps"] = -1
    assert preflight.describe_training(params, [10] * 9, strict=True).tokens == 120
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    for words in (params["model"], "LoRA", "trainable", "not quantized", "on cpu", "9 rows, 3 steps, about 120 tokens"):
        assert words in out


@pytest.mark.parametrize(
    ("options", "words"), [({"optim": "paged_adamw_8bit"}, "no CUDA device"), ({"fp16": True}, "fp16")]
)
def test_what_needs_a_gpu_is_refused_without_one(params, options, words):
    params["train"].update(options)
    with pytest.raises(UserError, match=words):
        preflight.check_device(params)


@pytest.mark.parametrize(
    ("train", "rows", "steps"),
    [
        ({"max_steps": 7}, 100, 7),
        ({"per_device_train_batch_size": 8, "num_train_epochs": 1}, 17, 3),
        ({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "num_train_epochs": 2}, 17, 6),
    ],
)
def test_steps(train, rows, steps):
    assert preflight.steps(train, rows) == steps
