"""What is estimated is what is there when it runs."""

from dataclasses import replace

import pytest
import torch
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import AutoModelForCausalLM, DynamicCache, Mamba2Config, MambaConfig, RwkvConfig

from tests import loading, tiny, tiny_architectures
from tests.combinations import checkerboard, slow
from tests.tuning.answers import settings_of
from tests.tuning.estimates import changed, estimator
from tests.tuning.real_steps import trained_peak
from tuning.core.errors import UserError
from tuning.generation import decoding, kv_cache
from tuning.memory import activations, fake_model, optimizer_states, simulated_step
from tuning.memory.tensor_bytes import TensorBytes
from tuning.model.architectures import shortened


@pytest.mark.parametrize("architecture", tiny_architectures.ARCHITECTURES)
@pytest.mark.parametrize("kind", ["lora", "full"])
def test_training_takes_what_was_estimated(architecture, kind, tmp_path, tokenizer):
    folder = tiny_architectures.save(architecture, tmp_path / "model")
    values = changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), kind, gradient_checkpointing=False)
    values["train"]["per_device_train_batch_size"] = 4
    peak = trained_peak(values, 4, 48, tokenizer, tmp_path / "out")
    assert estimator(values).training(4, 48).tensors == pytest.approx(peak, rel=0.1)


@pytest.mark.parametrize("kind", ["lora", "full", "prompt", "4-bit"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_training_takes_what_was_estimated_whatever_is_trained(params, kind, checkpointing, tmp_path, tokenizer):
    values = changed(params, kind, gradient_checkpointing=checkpointing, per_device_train_batch_size=2)
    peak = trained_peak(values, 2, 100, tokenizer, tmp_path / "out")
    assert estimator(values).training(2, 100).tensors == pytest.approx(peak, rel=0.1)


@pytest.mark.parametrize("kind", ["lora", "full", "prompt", "4-bit"])
@pytest.mark.parametrize("weights", ["float32", "bfloat16"])
def test_training_in_bfloat16_takes_what_was_estimated(params, kind, weights, tmp_path, tokenizer):
    values = changed(params, kind, gradient_checkpointing=False, per_device_train_batch_size=2)
    values["train"]["bf16"], values["model_config"]["dtype"] = True, weights
    peak = trained_peak(values, 2, 104, tokenizer, tmp_path / "out")
    assert estimator(values).training(2, 104).tensors == pytest.approx(peak, rel=0.1)


@pytest.mark.parametrize(
    ("dtype", "quantized", "pages"),
    [("auto", False, 2), ("float16", False, 2), ("bfloat16", False, 0), ("auto", True, 2)],
)
def test_pages_of_the_file_are_beside_weights_that_are_not_they(dtype, quantized, pages):
    values = tiny.params("Qwen/Qwen2.5-7B", "rows.jsonl", "prompts.jsonl")  # known to be in bfloat16
    values["model_config"]["dtype"], values["quantization"]["enabled"] = dtype, quantized
    model = estimator(values)
    needed = model.generation(1, 8, 8)
    if pages:
        assert needed.total - needed.runtime == needed.weights + pages * model.weights.parameters
    else:
        assert needed.loading == 0
    assert needed.least == needed.total - needed.loading - needed.kept


def test_generation_takes_what_was_estimated(params, model, tokenizer):
    prompts = [[5 + (number + place) % 90 for place in range(100)] for number in range(64)]
    config = settings_of(model, tokenizer, max_new_tokens=64, min_new_tokens=64)
    how = decoding.Decoding(config, 64, 1, say=str)
    with TensorBytes() as counter:
        counter.note_weights(model)
        list(decoding.generate(model, tokenizer, prompts, how))
    # In so small a model, tensors count that do not where hidden states are large.
    assert estimator(params).generation(64, 100, 64).tensors == pytest.approx(counter.peak, rel=0.15)


@pytest.fixture(
    scope="module",
    params=[*((name, "lora") for name in tiny_architectures.ARCHITECTURES), ("llama", "prompt"), ("gemma2", "prompt")],
    ids=" ".join,
)
def any_estimate(request, tmp_path_factory):
    """The memory of a model of each architecture, of more layers than are run."""
    name, kind = request.param
    folder = tiny_architectures.save(name, tmp_path_factory.mktemp(name) / "model")
    values = changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), kind, gradient_checkpointing=False)
    model = estimator(values)
    model.config.num_hidden_layers = 6
    if vars(model.config).get("layer_types"):
        model.config.layer_types = 3 * model.config.layer_types
    return model


@pytest.mark.parametrize(("batch", "length"), [(1, 30), slow(12, 20), slow(3, 150), slow(40, 130)])
def test_the_law_is_what_a_step_at_that_size_holds(any_estimate, batch, length):
    model = any_estimate
    counted = simulated_step.training_step(model.run, 0, (batch, length))
    found = model.law.phases(batch, length)
    peak = max(phase.peak for phase in counted.values())
    assert max(phase.peak for phase in found.values()) == pytest.approx(peak, rel=0.06)


@pytest.mark.parametrize(("batch", "length"), [(2, 40), slow(12, 20), (5, 90)])
def test_rows_that_are_looped_through_may_be_short_ones(recurrent, batch, length):
    model = recurrent
    counted = simulated_step.training_step(model.run, 0, (batch, length))
    peak = max(phase.peak for phase in counted.values())
    found = model.training(batch, length)
    assert found.activations + found.logits + found.gradients == pytest.approx(peak, rel=0.08)


@pytest.mark.slow
@pytest.mark.parametrize("change", ["prompt_tuning", "eager"])
def test_what_grows_with_the_length_of_rows_keeps_them_as_they_are(recurrent_params, change):
    if change == "eager":
        recurrent_params["model_config"]["attn_implementation"] = "eager"
    else:
        recurrent_params["prompt_tuning"]["enabled"] = True
    model = estimator(recurrent_params)
    assert model.training(3, 24) == model.training_by_law(3, 24)


def test_reading_prompts_that_are_looped_through(recurrent):
    spec = recurrent.run.model
    estimated = simulated_step.generation(spec, 4, 128, 0)
    with torch.device("meta"):
        model = fake_model.base(replace(spec, config=shortened(spec.config, 3))).eval()
    with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad():
        fake_model.make_fake(model)
        assert estimated == pytest.approx(simulated_step._peak(model, 4, 128), rel=0.05)


@pytest.mark.parametrize(
    ("kind", "steps", "checkpointing", "dtype"),
    checkerboard(["lora", "full", "prompt", "4-bit"], [1, 4], [False, True], ["float32", "bfloat16"]),
)
def test_what_few_layers_tell_is_what_all_hold(params, kind, steps, checkpointing, dtype):
    values = changed(params, kind, gradient_checkpointing=checkpointing, gradient_accumulation_steps=steps)
    values["model_config"]["dtype"] = dtype
    model = estimator(values)
    model.config.num_hidden_layers = 9
    all_layers = simulated_step.training_step(model.run, 0, (3, 40))
    [found] = activations.phases(model.run, [(3, 40)])
    greatest = max(phase.peak for phase in all_layers.values())
    assert max(phase.peak for phase in found.values()) == pytest.approx(greatest, rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "bf16", "vocabulary"),
    checkerboard(["lora", "full", "prompt", "4-bit"], [False, True], [80_000, 200_000]),
)
def test_two_tiles_of_logits_tell_what_all_hold(params, kind, bf16, vocabulary, monkeypatch):
    values = changed(params, kind, gradient_checkpointing=False)
    values["train"]["bf16"], values["model_config"]["dtype"] = bf16, "bfloat16"
    model = estimator(values)
    model.config.vocab_size = vocabulary
    found = simulated_step.training_step(model.run, 3, (5, 1000))
    monkeypatch.setattr(simulated_step, "narrow_head", lambda model, run: None)
    assert found == simulated_step.training_step(model.run, 3, (5, 1000))


@settings(max_examples=30, deadline=None)
@given(batch=st.integers(1, 5000), length=st.integers(2, 9000))
def test_more_never_takes_less(any_estimate, batch, length):
    before = any_estimate.training_by_law(batch, length).total
    assert any_estimate.training_by_law(batch + 1, length).total >= before
    assert any_estimate.training_by_law(batch, length + 1).total >= before


def test_recurrent_layers_hold_a_state_and_no_keys(tmp_path):
    folder = tiny_architectures.save("recurrent_gemma", tmp_path / "model")
    values = tiny.params(str(folder), "rows.jsonl", "prompts.jsonl")
    model = loading.base(values)
    cache = DynamicCache()
    model(input_ids=torch.ones(3, 12, dtype=torch.long), past_key_values=cache, use_cache=True)
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers if layer.is_initialized)
    for layer in model.model.layers:
        recurrent = getattr(layer.temporal_block, "rg_lru", None)
        if recurrent is not None:
            held += recurrent.recurrent_states.nbytes + layer.temporal_block.conv1d_state.nbytes
    assert kv_cache.kv_cache_bytes(model.config, 3, 12, 4) == held


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (MambaConfig, {"state_size": 4}),
        (Mamba2Config, {"num_heads": 4, "head_dim": 16, "state_size": 4, "n_groups": 2}),
        (RwkvConfig, {"context_length": 64}),
    ],
)
def test_models_without_attention_hold_states(kind, own):
    config = kind(vocab_size=20, hidden_size=32, num_hidden_layers=2, **own)
    found = AutoModelForCausalLM.from_config(config)(input_ids=torch.ones(3, 12, dtype=torch.long), use_cache=True)
    held, waiting = [], [found.state if kind is RwkvConfig else found.cache_params]
    while waiting:
        item = waiting.pop()
        if torch.is_tensor(item):
            held.append(item)
        else:
            waiting += item if isinstance(item, (list, tuple)) else item.values() if isinstance(item, dict) else []
            waiting += vars(item).values() if hasattr(item, "__dict__") else []
    held = sum({tensor.data_ptr(): tensor.nbytes for tensor in held if tensor.dim() > 1}.values())
    assert kv_cache.kv_cache_bytes(config, 3, 12, 4) == held


def test_bytes_are_counted_once_and_until_they_are_freed():
    with TensorBytes() as counter:
        first = torch.ones(100)
        view = first[:50].view(5, 10)
        assert counter.live == 400
        second = first * 2
        assert counter.live == 800
        del second
        assert (counter.live, counter.peak) == (400, 800)
        del first
        assert counter.live == 400  # the view holds it
        del view
        assert counter.live == 0
        assert counter.restart() == 800
        assert counter.peak == 0


@pytest.mark.parametrize("name", ["adamw_torch", "sgd", "adafactor", "rmsprop", "adagrad"])
def test_optimizer_states_are_as_large_as_the_optimizer_makes_them(params, name, tmp_path, tokenizer):
    values = changed(params, "lora", optim=name, gradient_checkpointing=False)
    data = Dataset.from_list([{"input_ids": [5, 6, 7, 8], "labels": [-100, 6, 7, 8]}] * 4)
    trainer = loading.trainer(values, tokenizer, data, tmp_path / "out")
    trainer.train()
    states = trainer.optimizer.state_dict()["state"].values()
    held = sum(value.nbytes for state in states for value in state.values() if isinstance(value, torch.Tensor))
    trained = [parameter for parameter in trainer.model.parameters() if parameter.requires_grad]
    assert optimizer_states.state_bytes(name, trained) == pytest.approx(held, rel=0.02, abs=16 * len(trained))


@pytest.mark.parametrize("kind", ["lora", "prompt"])
def test_adapters_take_as_much_beside_weights_of_any_dtype(params, kind):
    values = changed(params, kind)
    found = []
    for dtype in ("float32", "bfloat16"):
        values["model_config"]["dtype"] = dtype
        found.append(estimator(values, "cuda").trained)
    assert found[0] == found[1]


def test_an_adapter_that_does_not_fit_is_the_users_to_mend(params):
    values = changed(params, "lora", gradient_checkpointing=False)
    values["lora"]["target_modules"] = ["nowhere"]
    with pytest.raises(UserError, match="no module named 'nowhere'"):
        estimator(values).training(2, 16)
