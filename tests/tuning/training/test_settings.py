"""Values of ``train`` that are ``auto``."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from tuning.config import params as parameters
from tuning.memory import fit
from tuning.memory.known_models import configuration
from tuning.memory.run import Run
from tuning.model.adapters import adapter_spec
from tuning.model.model_spec import model_spec
from tuning.training import settings
from tuning.training.trainer import training_config

AUTO = ("learning_rate", "bf16", "gradient_checkpointing", "per_device_train_batch_size", "gradient_accumulation_steps")


def run_of(model, **changes):
    values = parameters.load(tiny.ROOT / "params.yaml")
    values["model"] = str(model)
    values["train"].update(dict.fromkeys(AUTO, "auto"), effective_batch_size="auto")
    for section, change in changes.items():
        values[section].update(change) if isinstance(change, dict) else values.update({section: change})
    params = parameters.checked(values)
    spec, adapter = model_spec(params, configuration(params), "cpu"), adapter_spec(params)
    return Run(spec, adapter, training_config(params, spec, adapter, tiny.ROOT / "unfinished"))


@pytest.mark.parametrize(
    ("model", "changes", "rate"),
    [
        ("meta-llama/Llama-3.1-8B", {}, 4.3e-4),
        ("meta-llama/Llama-3.1-8B", {"lora": {"lora_alpha": 16}}, 8.6e-4),
        ("meta-llama/Llama-3.1-8B", {"lora": {"r": 64}}, 4.3e-4),
        ("meta-llama/Llama-3.1-8B", {"lora": {"use_rslora": True, "r": 16}}, 1.1e-4),
        ("meta-llama/Llama-3.1-8B", {"lora": {"enabled": False}, "full_finetuning": True}, 4.3e-5),
        ("Qwen/Qwen2.5-7B", {}, 7.2e-4),
        ("microsoft/phi-2", {}, 6.2e-4),
    ],
)
def test_the_rate_follows_from_the_model_and_what_is_trained(model, changes, rate):
    assert run_of(model, **changes).training.learning_rate == pytest.approx(rate)


def test_a_rate_that_is_given_stays():
    assert run_of("Qwen/Qwen2.5-7B", train={"learning_rate": 1e-5}).training.learning_rate == 1e-5


def test_a_large_model_takes_more_rows_to_a_step(tiny_model):
    small, large = run_of(tiny_model).training, run_of("Qwen/Qwen2.5-7B").training
    assert (small.per_device_train_batch_size, small.gradient_accumulation_steps) == (4, 1)
    assert (large.per_device_train_batch_size, large.gradient_accumulation_steps) == (16, 1)


@pytest.fixture
def bfloat16_cpu(monkeypatch):
    """Pretends that the processor multiplies bfloat16, or that it does not."""

    def pretend(**there: bool) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: there)

    return pretend


@pytest.mark.parametrize(
    ("there", "changes", "bf16"),
    [
        ({"avx512_bf16": True}, {}, True),
        ({"amx_bf16": True}, {}, True),
        ({"avx512_bf16": False, "avx2": True}, {}, False),
        ({}, {}, False),
        ({"avx512_bf16": True}, {"quantization": {"enabled": True}}, False),
        ({"avx512_bf16": True}, {"train": {"bf16": False}}, False),
        ({}, {"train": {"bf16": True}}, True),
        ({"avx512_bf16": True}, {"lora": {"enabled": False}, "full_finetuning": True}, True),
    ],
)
def test_a_cpu_that_multiplies_bfloat16_trains_in_it(there, changes, bf16, bfloat16_cpu, tiny_model):
    bfloat16_cpu(**there)
    assert run_of(tiny_model, **changes).training.bf16 == bf16


@given(rows=st.integers(1, 64), batch=st.integers(1, 64) | st.just("auto"), steps=st.integers(1, 8) | st.just("auto"))
def test_what_is_given_is_kept_and_the_rest_makes_up_the_step(rows, batch, steps):
    spec, adapter = None, None
    given_values = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": steps}
    found = settings.resolved(given_values, rows, spec, adapter)
    product = found["per_device_train_batch_size"] * found["gradient_accumulation_steps"]
    for name, value in given_values.items():
        assert value in ("auto", found[name])
    if batch == steps == "auto":
        assert product == rows
    elif "auto" in (batch, steps):
        assert product <= max(rows, *(value for value in (batch, steps) if value != "auto"))


@pytest.mark.slow
def test_what_does_not_fit_is_divided_first_and_then_checkpointed(tiny_model):
    run = run_of(tiny_model, train={"effective_batch_size": 8})
    may = fit.Open(batch=True, checkpointing=True)
    whole, needed = fit.fitted(run, 400, None, may)
    assert whole.run.training.per_device_train_batch_size == 8
    seen = set()
    for room in range(needed.least, 0, -needed.least // 40):
        model, memory = fit.fitted(run, 400, room, may)
        training = model.run.training
        assert training.per_device_train_batch_size * training.gradient_accumulation_steps == 8
        seen.add((training.per_device_train_batch_size, training.gradient_checkpointing))
        if memory.least > room:
            break
    assert (8, False) in seen
    assert (1, False) in seen or (1, True) in seen
    assert any(checkpointing for _, checkpointing in seen)


def test_nothing_is_changed_that_is_not_auto(tiny_model):
    run = run_of(tiny_model, train={"per_device_train_batch_size": 8, "gradient_checkpointing": False})
    model, memory = fit.fitted(run, 400, 1, fit.Open())
    assert memory.least > 1
    before = copy.copy(run.training)
    assert model.run.training.per_device_train_batch_size == before.per_device_train_batch_size
    assert model.run.training.gradient_checkpointing is False
