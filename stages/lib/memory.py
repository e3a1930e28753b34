"""Bytes that a run needs, from the model's configuration alone; no weights are loaded."""

from dataclasses import dataclass
from typing import Any

from stages.lib.hub import explain
from stages.lib.models import add_adapter, device, is_quantized

# Bytes of optimizer state for each trainable parameter, by the beginning of the optimizer's name.
_STATES = {
    "adamw_8bit": 2.0,
    "adamw_bnb_8bit": 2.0,
    "paged_adamw_8bit": 2.0,
    "adafactor": 0.0,  # one number a row and a column
    "sgd": 0.0,
    "adam": 8.0,
    "paged_adamw": 8.0,
}

# NF4 holds a weight in half a byte, and a float32 scale for each block of 64; double quantization holds
# the scales in a byte each, and a float32 for each 256 of them (Dettmers et al. 2023, section 3).
_NF4 = 0.5 + 4 / 64
_NF4_DOUBLE = 0.5 + 1 / 64 + 4 / (64 * 256)


@dataclass(frozen=True)
class Estimate:
    """Counts of parameters, and bytes."""

    parameters: int
    trainable_parameters: int
    weights_bytes: int
    adapter_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    kv_cache_bytes: int


def estimate(params: dict[str, Any], longest_prompt: int) -> Estimate:
    """What the run that params.yaml describes holds in memory, activations and the framework excepted.

    Args:
        params: the sections that train and generate read.
        longest_prompt: tokens of the longest prompt that generate answers.

    Raises:
        UserError: the model's configuration cannot be had.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    named = ("revision", "trust_remote_code", "token")
    options = {key: value for key, value in params["model_config"].items() if key in named}
    with explain("model", params["model"]):
        config = AutoConfig.from_pretrained(params["model"], **options)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        weights = weights_bytes(model, params, dtype_bytes(config, params))
        unquantized = {**params, "quantization": {"enabled": False}}
        trainable, _ = add_adapter(model, unquantized).get_nb_trainable_parameters()
    length = longest_prompt + params["generation"]["max_new_tokens"]
    return Estimate(
        parameters=parameters,
        trainable_parameters=trainable,
        weights_bytes=weights,
        adapter_bytes=4 * trainable,
        gradients_bytes=4 * trainable,
        optimizer_bytes=int(optimizer_bytes(params["train"].get("optim", "adamw_torch")) * trainable),
        kv_cache_bytes=kv_cache_bytes(config, params["generation"]["batch_size"], length, dtype_bytes(config, params)),
    )


def dtype_bytes(config, params: dict[str, Any]) -> int:
    """Bytes of one unquantized weight, as ``load_model`` loads it."""
    import torch

    dtype = params["model_config"].get("dtype", "auto")
    if dtype == "auto":
        dtype = torch.float32 if device() == "cpu" else (config.dtype or torch.float32)
    return (getattr(torch, dtype) if isinstance(dtype, str) else dtype).itemsize


def weights_bytes(model, params: dict[str, Any], item: int) -> int:
    """Bytes of the base model's weights: of a quantized model, embeddings, norms and head stay as they are."""
    import torch

    everything = sum(parameter.numel() for parameter in model.parameters())
    if not is_quantized(params):
        return everything * item
    head = model.get_output_embeddings()
    modules = (module for module in model.modules() if isinstance(module, torch.nn.Linear) and module is not head)
    linear = sum(module.weight.numel() for module in modules)
    quantization = params["quantization"]
    if quantization.get("load_in_8bit"):
        each = 1.0
    else:
        each = _NF4_DOUBLE if quantization.get("bnb_4bit_use_double_quant") else _NF4
    return int(linear * each) + (everything - linear) * item


def optimizer_bytes(name: str) -> float:
    """Bytes of state for each trainable parameter: two float32 moments for Adam, two bytes in 8 bits."""
    return next((size for prefix, size in _STATES.items() if name.startswith(prefix)), 8.0)


def kv_cache_bytes(config, batch: int, length: int, item: int) -> int:
    """Keys and values of every layer for ``batch`` sequences of ``length`` tokens."""
    config = config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return 2 * config.num_hidden_layers * batch * length * heads * head_dim * item
