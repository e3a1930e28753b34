"""Adapters stay out of what text never passes through, and leave the experts of a quantized model as they are."""

from dataclasses import replace

import pytest
import torch
import transformers

from tests import loading, tiny
from tests.tuning.estimates import changed, estimator
from tuning.model import adapters

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


IDS = torch.tensor([[5, 6, 7]])


def saved(model, folder):
    model.save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    return tiny.params(str(folder), "rows.jsonl", "prompts.jsonl")


@pytest.fixture
def with_pictures(tmp_path):
    """Values of a model whose decoder stands beside a vision tower."""
    words = tiny.tokenizer()
    text = {**SIZES, "vocab_size": len(words) + 8, "head_dim": 8}
    vision = {**SIZES, "image_size": 28, "patch_size": 14}
    del vision["num_key_value_heads"]
    config = transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4)
    config.get_text_config().pad_token_id = words.pad_token_id
    torch.manual_seed(0)
    return saved(transformers.AutoModelForCausalLM.from_config(config), tmp_path / "model")


@pytest.mark.parametrize("changes", [{}, {"target_modules": ["q_proj"]}, {"exclude_modules": ".*o_proj"}])
@pytest.mark.parametrize("kind", ["lora", "full"])
def test_nothing_is_trained_where_no_text_passes(with_pictures, kind, changes):
    values = changed(with_pictures, kind, gradient_checkpointing=False)
    values["lora"] |= changes
    model = loading.adapted(values)
    trained = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained
    assert not [name for name in trained if "vision" in name or "projector" in name]
    with torch.no_grad():  # LoRA begins with matrices of zeros, which pass no gradient on
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.1)
    model(input_ids=IDS, labels=IDS).loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters() if parameter.requires_grad)


def test_experts_of_a_quantized_model_keep_their_dtype(tmp_path):
    words = tiny.tokenizer()
    config = transformers.MixtralConfig(**SIZES, vocab_size=len(words), num_local_experts=2, num_experts_per_tok=1)
    torch.manual_seed(0)
    values = saved(transformers.AutoModelForCausalLM.from_config(config), tmp_path / "model")
    values["model_config"]["dtype"] = "bfloat16"
    values = changed(values, "4-bit")
    model = loading.adapted(values)
    experts = {name: each for name, each in model.named_parameters() if each.dim() == 3 and "lora" not in name}
    assert {each.dtype for each in experts.values()} == {torch.bfloat16}
    assert not any(each.requires_grad for each in experts.values())
    norms = [each for name, each in model.named_parameters() if "norm" in name]
    assert {each.dtype for each in norms} == {torch.float32}
    assert torch.isfinite(model(input_ids=IDS, labels=IDS).loss)  # not under autocast, as answers are made
    base = [each for each in model.parameters() if not each.requires_grad]
    unpacked = sum(each.nbytes for each in base if each.is_floating_point())
    assert unpacked < estimator(values).weights.training < unpacked + sum(each.numel() for each in base)


def test_gates_of_a_recurrent_layer_are_no_experts(recurrent_params):
    recurrent_params["model_config"]["dtype"] = "bfloat16"
    model = loading.adapted(changed(recurrent_params, "4-bit"))
    gates = {each.dtype for name, each in model.named_parameters() if name.endswith("gate_weight")}
    assert gates == {torch.float32}
    assert torch.isfinite(model(input_ids=IDS, labels=IDS).loss)


def test_a_checkpoint_that_is_loaded_without_its_quantization_is_not_raised_to_float32(tmp_path):
    """As transformers does where the kernels of a format are missing."""
    values = tiny.params(str(tiny.save_model(tmp_path / "model")), "rows.jsonl", "prompts.jsonl")
    values["model_config"]["dtype"] = "bfloat16"
    run = loading.run_on(tiny.checked(values), None)
    spec = replace(run.model, quantized=True, stored_quantized=True)
    model = adapters.add_adapter(adapters.load_model(spec), spec, run.adapter, False)
    base = {each.dtype for name, each in model.named_parameters() if "lora_" not in name}
    assert base == {torch.bfloat16}
