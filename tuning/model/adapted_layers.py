"""Which layers of a model an adapter takes, and in which dtype they compute."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peft import LoraConfig
    from torch.nn import Module, Parameter
    from transformers import PreTrainedModel


def is_quantized(model: "PreTrainedModel") -> bool:
    """Whether the weights in memory are: transformers dequantizes some checkpoints as it loads them."""
    return getattr(model, "is_quantized", False)


def leave_out(lora: "LoraConfig", names: Iterable[str]) -> None:
    """Adds layers that cannot be adapted to ``exclude_modules``, which may be names or a pattern."""
    excluded, names = lora.exclude_modules or [], list(names)
    if isinstance(excluded, str) and names:
        lora.exclude_modules = "|".join([f"({excluded})", *(rf"(.*\.)?{re.escape(name)}" for name in names)])
    elif names:
        lora.exclude_modules = {*excluded, *names}


def text_parts(model: "PreTrainedModel") -> "list[Module]":
    """The parts that text passes through: of a model with a vision tower, the decoder and the head; else the model."""
    if model.config.get_text_config() is model.config:
        return [model]
    return [part for part in (model.get_decoder(), model.get_output_embeddings()) if part is not None]


def beside_text(model: "PreTrainedModel") -> list[str]:
    """The names of linear layers that text never passes through: nothing can be learnt there, and DDP waits for it."""
    from torch.nn import Linear

    text = {id(module) for part in text_parts(model) for module in part.modules()}
    return [name for name, module in model.named_modules() if isinstance(module, Linear) and id(module) not in text]


@contextmanager
def without_experts(model: "PreTrainedModel") -> Iterator[None]:
    """Takes fused experts out of the model for a while, frozen.

    bitsandbytes leaves them as they are, and PEFT would make them float32: twice the memory of the model.
    """
    taken = fused_experts(model)
    for module, name, parameter in taken:
        parameter.requires_grad_(False)
        del module._parameters[name]
    try:
        yield
    finally:
        for module, name, parameter in taken:
            module._parameters[name] = parameter


def fused_experts(model: "PreTrainedModel") -> "list[tuple[Module, str, Parameter]]":
    """The weights of experts that stand in one tensor of three dimensions, each with its layer and its name there.

    Only those that transformers' grouped products read, which take over the weights' dtype; others expect float32.
    """
    return [
        (module, name, parameter)
        for module in model.modules()
        if hasattr(module, "is_transposed")  # as transformers marks experts
        and getattr(module.config, "_experts_implementation", None) == "grouped_mm"
        for name, parameter in module.named_parameters(recurse=False)
        if parameter.dim() == 3
    ]


def cast_inputs(model: "PreTrainedModel", wanted: bool) -> None:
    """Whether LoRA casts what it reads to float32, the dtype of its matrices, as PEFT has it.

    Under autocast the numbers are the same without, since autocast casts back to bfloat16 for the product. On a GPU,
    copies between dtypes were 18 % of a step of Llama-3.1-8B's layers, these two among them. Outside autocast the
    product needs them. Dropout, and variants such as DoRA, compute with the input itself, and keep it in float32.
    """
    from peft.tuners.lora import LoraLayer
    from torch.nn import Identity

    for layer in model.modules():
        if isinstance(layer, LoraLayer):
            drops = any(type(dropout) is not Identity for dropout in layer.lora_dropout.values())
            layer.cast_input_dtype_enabled = wanted or drops or bool(layer.lora_variant)
