"""Parameters of a configured model and the bytes that they take, counted on the meta device."""

from dataclasses import dataclass
from typing import Any

from tuning.memory.bitsandbytes_bytes import quantized_bytes, quantized_layers
from tuning.memory.fake_model import without_data
from tuning.memory.optimizer_states import state_bytes
from tuning.model.adapters import add_adapter, parameter_counts
from tuning.model.base_model import is_quantized


@dataclass(frozen=True)
class Weights:
    """The base model's.

    Attributes:
        training: bytes as training holds them.
        generation: bytes in generation, where LoRA is merged into those that are not quantized.
    """

    parameters: int
    training: int
    generation: int


@dataclass(frozen=True)
class Trained:
    """What is trained, which is the same whether or not the base model is quantized.

    Attributes:
        adapter: bytes of what an adapter adds; 0 where the whole model is trained.
        optimizer: bytes of the optimizer's states.
    """

    parameters: int
    adapter: int
    optimizer: int


def base_weights(params: dict[str, Any], config, dtype) -> Weights:
    """The base model's weights.

    Args:
        params: the sections that train reads.
        config: the model's configuration.
        dtype: of weights that are not quantized.
    """
    model = _on_meta(params, config, dtype)
    quantized = is_quantized(params)
    linear = quantized_layers(model) if quantized else []
    packed = sum(quantized_bytes(layer.weight, params["quantization"]) for layer in linear)
    unquantized = sum(p.nbytes for p in model.parameters()) - sum(layer.weight.nbytes for layer in linear)
    raised = unquantized
    if quantized and unquantized and dtype.itemsize < 4:  # PEFT's prepare_model_for_kbit_training
        raised = unquantized * 4 // dtype.itemsize
    return Weights(parameter_counts(model)[1], packed + raised, packed + unquantized)


def trained_parameters(params: dict[str, Any], config, dtype) -> Trained:
    """What training changes: adapters, or all weights; arguments as of ``weights``.

    Raises:
        UserError: the adapter does not fit.
    """
    import torch

    model = _on_meta(params, config, dtype)
    with torch.device("meta"):
        model = add_adapter(model, without_data(params))
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    whole = not params["lora"]["enabled"] and not params["prompt_tuning"]["enabled"]
    return Trained(
        parameters=sum(parameter.numel() for parameter in parameters),
        adapter=0 if whole else sum(parameter.nbytes for parameter in parameters),
        optimizer=state_bytes(params["train"].get("optim", "adamw_torch"), parameters),
    )


def _on_meta(params: dict[str, Any], config, dtype):
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(
            config, dtype=dtype, trust_remote_code=params["model_config"].get("trust_remote_code")
        )
