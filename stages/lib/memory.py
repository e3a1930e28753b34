"""Bytes that a run needs, from the model's configuration alone; no weights are loaded."""

from dataclasses import dataclass
from typing import Any

from stages.lib.adapters import add_adapter, parameter_counts
from stages.lib.capacity import kv_cache_bytes
from stages.lib.models import device, is_quantized, load_config

# Bytes of optimizer state for each trainable parameter, by the beginning of the optimizer's name: two
# float32 moments for Adam, two bytes in 8 bits; Adafactor keeps one number a row and a column.
_STATES = {
    "adamw_8bit": 2.0,
    "adamw_bnb_8bit": 2.0,
    "paged_adamw_8bit": 2.0,
    "adafactor": 0.0,
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
    """Counts of parameters, and bytes.

    Attributes:
        logits_bytes: logits of a training batch in float32, and their gradient.
        kv_cache_bytes: keys and values of a batch of generation; 0 where its length is not known.
    """

    parameters: int
    trainable_parameters: int
    weights_bytes: int
    adapter_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    logits_bytes: int
    kv_cache_bytes: int

    @property
    def training_bytes(self) -> int:
        """What training holds at the least; the layers' activations and the framework come on top."""
        trained = self.adapter_bytes + self.gradients_bytes + self.optimizer_bytes
        return self.weights_bytes + trained + self.logits_bytes

    @property
    def generation_bytes(self) -> int:
        """What generation holds at the least."""
        return self.weights_bytes + self.kv_cache_bytes


def estimate_training(params: dict[str, Any], longest: int) -> Estimate:
    """The estimate for the sections that train reads.

    Args:
        longest: tokens of the longest row.

    Raises:
        UserError: the model's configuration cannot be had.
    """
    config, model, item = _skeleton(params)
    weights = weights_bytes(model, params, item)
    _, parameters = parameter_counts(model)
    trainable, _ = parameter_counts(add_adapter(model, _without_data(params)))
    full = not params["lora"]["enabled"] and not params["prompt_tuning"]["enabled"]
    width = item if full else 4
    logits = params["train"].get("per_device_train_batch_size", 8) * longest * config.get_text_config().vocab_size
    return Estimate(
        parameters=parameters,
        trainable_parameters=trainable,
        weights_bytes=weights,
        adapter_bytes=0 if full else width * trainable,
        gradients_bytes=width * trainable,
        optimizer_bytes=int(optimizer_bytes(params["train"].get("optim", "adamw_torch")) * trainable),
        logits_bytes=2 * 4 * logits,
        kv_cache_bytes=0,
    )


def estimate(params: dict[str, Any], longest_row: int, longest_prompt: int, prompts: int) -> Estimate:
    """The estimate for training and generation.

    Args:
        params: the sections that train and generate read.
        longest_row: tokens of the longest row to train on.
        longest_prompt: tokens of the longest prompt to answer.
        prompts: answered at once.
    """
    config, _, item = _skeleton(params)
    length = longest_prompt + params["generation"]["max_new_tokens"]
    cache = kv_cache_bytes(config, prompts, length, item)
    return Estimate(**{**vars(estimate_training(params, longest_row)), "kv_cache_bytes": cache})


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
    """Bytes of state for each trainable parameter."""
    return next((size for prefix, size in _STATES.items() if name.startswith(prefix)), 8.0)


def _skeleton(params: dict[str, Any]):
    """Configuration, model on the meta device (shapes without data), and bytes of a weight."""
    import torch
    from transformers import AutoModelForCausalLM

    config = load_config(params)
    trust = params["model_config"].get("trust_remote_code")
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust)
    return config, model, dtype_bytes(config, params)


def _without_data(params: dict[str, Any]) -> dict[str, Any]:
    """Params for an adapter on the meta device: the shapes are the same, but nothing can be read from weights."""
    return {
        **params,
        "quantization": {"enabled": False},
        "lora": {**params["lora"], "init_lora_weights": True},
        "prompt_tuning": {**params["prompt_tuning"], "prompt_tuning_init": "RANDOM"},
    }
