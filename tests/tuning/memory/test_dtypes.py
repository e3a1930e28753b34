"""The tensors of an estimated step have the dtypes that they have when the trainer runs it."""

import copy

import pytest
import torch
from datasets import Dataset

from tests import loading
from tests.combinations import checkerboard
from tests.tuning.estimates import changed, estimator
from tuning.memory import fake_model

ROWS = Dataset.from_list([{"input_ids": [5, 6, 7, 8], "labels": [-100, 6, 7, 8]}] * 4)
KINDS = ["lora", "prompt", "full", "4-bit", "8-bit", "4-bit prompt", "4-bit DoRA"]


def experiment(params: dict, kind: str, dtype: str) -> dict:
    """Values that train so, with weights of this dtype."""
    values = changed(params, {"8-bit": "4-bit"}.get(kind, kind.split()[0]), gradient_checkpointing=False)
    values["model_config"]["dtype"] = dtype
    if kind == "8-bit":
        values["quantization"].update(load_in_4bit=False, load_in_8bit=True)
    if kind == "4-bit prompt":
        values["lora"]["enabled"], values["prompt_tuning"]["enabled"] = False, True
    if kind == "4-bit DoRA":
        values["lora"]["use_dora"] = True
    return values


def packed(parameter: torch.nn.Parameter) -> bool:
    """Whether bitsandbytes has quantized it."""
    return type(parameter).__name__ in ("Params4bit", "Int8Params")


@pytest.mark.parametrize(("kind", "dtype"), checkerboard(KINDS, ["float32", "bfloat16"]))
def test_parameters_have_the_dtypes_that_the_trainer_gives_them(params, kind, dtype, tmp_path, tokenizer):
    values = experiment(params, kind, dtype)
    model = loading.trainer(values, tokenizer, ROWS, tmp_path).model
    real = {name: parameter for name, parameter in model.named_parameters() if not packed(parameter)}
    with torch.device("meta"):
        found = dict(fake_model.to_train(copy.copy(estimator(values).run)).named_parameters())
    assert len(real) > 4
    assert {name: found[name].dtype for name in real} == {name: each.dtype for name, each in real.items()}
    assert all(found[name].requires_grad == each.requires_grad for name, each in real.items())


@pytest.mark.parametrize(("kind", "dtype"), checkerboard(KINDS, ["float32", "bfloat16"]))
def test_weights_adapter_and_states_take_the_bytes_that_they_take(params, kind, dtype, tmp_path, tokenizer):
    values = experiment(params, kind, dtype)
    trainer = loading.trainer(values, tokenizer, ROWS, tmp_path)
    trainer.train()
    trained = [parameter for parameter in trainer.model.parameters() if parameter.requires_grad]
    states = trainer.optimizer.state_dict()["state"].values()
    held = sum(value.nbytes for state in states for value in state.values() if value.ndim)
    found = estimator(values)
    assert found.trained.adapter == (0 if kind == "full" else sum(parameter.nbytes for parameter in trained))
    assert found.trained.optimizer == pytest.approx(held, abs=4 * len(trained))
    unpacked = sum(p.nbytes for p in trainer.model.parameters() if not packed(p) and not p.requires_grad)
    if "-bit" in kind:
        assert unpacked < found.weights.training < unpacked + sum(p.numel() for p in trainer.model.parameters())


@pytest.mark.parametrize("kind", ["lora", "4-bit", "8-bit", "4-bit prompt"])
def test_an_adapter_answers_in_float32_whatever_it_was_trained_in(params, kind, tmp_path, tokenizer):
    values = experiment(params, kind, "bfloat16")
    loading.save(loading.trainer(values, tokenizer, ROWS, tmp_path / "out").model, tmp_path / "adapter", values)
    model = loading.tuned(values, tmp_path / "adapter")
    added = [p for name, p in model.named_parameters() if "lora_" in name or "prompt_encoder" in name]
    assert {parameter.dtype for parameter in added} <= {torch.float32}
    assert estimator(values).generation(2, 16, 8).adapter == sum(parameter.nbytes for parameter in added)
