"""Estimates of models whose layers are not all alike, that have experts, or more than text."""

from functools import partial

import pytest
import torch
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.integrations import moe

from tests import tiny
from tests.tuning import unlike_layers
from tests.tuning.estimates import changed, estimator
from tests.tuning.real_steps import trained_peak
from tuning.generation import kv_cache
from tuning.memory import estimator as estimators
from tuning.memory import fake_model, flops, simulated_step
from tuning.memory.estimator import CannotEstimate


@pytest.fixture
def values_of(tmp_path):
    """Values of an experiment with a model of this configuration."""

    def make(config, kind="lora", **train):
        config.save_pretrained(tmp_path / "model")
        values = tiny.params(str(tmp_path / "model"), "rows.jsonl", "prompts.jsonl")
        return changed(values, kind, gradient_checkpointing=False, **train)

    return make


def step_bytes(memory) -> int:
    """What a step makes beside weights and states."""
    return memory.activations + memory.logits + memory.gradients


@pytest.mark.parametrize("own", [{}, {"num_kv_shared_layers": 2}], ids=["each its own", "shared"])
def test_keys_of_layers_that_differ_are_counted_one_by_one(own):
    model = AutoModelForCausalLM.from_config(unlike_layers.gemma4(**own))
    cache = DynamicCache()
    model(input_ids=torch.ones(3, 12, dtype=torch.long), past_key_values=cache, use_cache=True)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers if layer.is_initialized)
    assert kv_cache.kv_cache_bytes(model.config, 3, 12, 4) == held


def test_attention_of_layers_that_differ_is_counted_one_by_one(values_of):
    model = estimator(values_of(unlike_layers.gemma4()))
    widths = 3 * 4 * 8 + 3 * 4 * 16  # of 4 heads each
    assert flops.training_flops(model, 10, 101) - flops.training_flops(model, 10, 1) == 10 * 3 * 4 * widths * 100


def test_a_cache_that_cannot_be_counted_is_told_as_other_failures_are(params, monkeypatch):
    def fails(*arguments):
        raise RuntimeError("no such attribute")

    monkeypatch.setattr(estimators, "kv_cache_bytes", fails)
    with pytest.raises(CannotEstimate, match="no such attribute"):
        estimator(params).generation(2, 8, 8)


@pytest.mark.parametrize("vision_layers", [2, 9])
@pytest.mark.parametrize("kind", ["lora", "full", "prompt"])
def test_a_tower_for_images_adds_its_weights_alone(values_of, vision_layers, kind):
    config = unlike_layers.gemma3(vision_layers)
    model = AutoModelForCausalLM.from_config(config)
    tower = sum(parameter.nbytes for parameter in model.parameters())
    tower -= sum(parameter.nbytes for parameter in model.model.language_model.parameters())
    text, whole = estimator(values_of(unlike_layers.gemma3_text(), kind)), estimator(values_of(config, kind))
    assert whole.weights.training == text.weights.training + tower
    assert step_bytes(whole.training(4, 48)) == pytest.approx(step_bytes(text.training(4, 48)), rel=0.01)
    answering = text.generation(4, 40, 8).activations
    assert whole.generation(4, 40, 8).activations == pytest.approx(answering, rel=0.01)


@pytest.mark.parametrize(
    "config",
    [
        unlike_layers.gemma3n,
        partial(unlike_layers.gemma3n, shared=0),
        partial(unlike_layers.gemma4, num_kv_shared_layers=2),
        partial(unlike_layers.gemma4, num_kv_shared_layers=4, use_double_wide_mlp=True),
    ],
    ids=["gemma3n", "none shared", "gemma4", "wide where shared"],
)
@pytest.mark.parametrize("kind", ["lora", "full"])
def test_few_layers_tell_what_those_that_share_keys_hold(values_of, config, kind):
    model = estimator(values_of(config(), kind))
    all_layers = simulated_step.training_step(model.run, 0, (4, 48))
    greatest = max(phase.peak for phase in all_layers.values())
    assert step_bytes(model.training(4, 48)) == pytest.approx(greatest, rel=0.08)
    assert model.generation(4, 40, 8).activations > 0


@pytest.mark.parametrize("config", [unlike_layers.mixtral, unlike_layers.gpt_oss])
@pytest.mark.parametrize("train", [{}, {"router_aux_loss_coef": 0.0}, {"bf16": True}], ids=str)
@pytest.mark.parametrize("kind", ["lora", "full"])
def test_training_of_experts_takes_what_was_estimated(values_of, config, train, kind, tmp_path, tokenizer):
    values = values_of(config(), kind, per_device_train_batch_size=4, **train)
    AutoModelForCausalLM.from_config(config()).save_pretrained(tmp_path / "model")
    peak = trained_peak(values, 4, 48, tokenizer, tmp_path / "out")
    assert estimator(values).training(4, 48).tensors == pytest.approx(peak, rel=0.05)


@pytest.mark.parametrize("config", [unlike_layers.mixtral, unlike_layers.gpt_oss])
def test_experts_beside_quantized_weights_are_estimated(values_of, config):
    values = values_of(config(), "4-bit")
    values["model_config"]["dtype"] = "bfloat16"
    model = estimator(values, "cuda")
    assert step_bytes(model.training(4, 48)) > 0
    assert model.generation(4, 40, 8).activations > 0


def test_products_of_experts_are_the_librarys_again():
    own = moe._grouped_mm
    with fake_model.fake_tensors():
        assert moe._grouped_mm is not own
    assert moe._grouped_mm is own
    with pytest.raises(ZeroDivisionError), fake_model.fake_tensors():
        _ = 1 / 0
    assert moe._grouped_mm is own


def test_positions_that_follow_the_longest_row_take_what_others_take(values_of):
    dynamic = unlike_layers.llama(rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0})
    found = [estimator(values_of(config)) for config in (unlike_layers.llama(), dynamic)]
    assert found[0].training(4, 48) == found[1].training(4, 48)
    assert found[0].generation(4, 40, 8) == found[1].generation(4, 40, 8)
