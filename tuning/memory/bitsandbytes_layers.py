"""Linear layers that allocate what bitsandbytes' layers allocate, for tensors without data.

A 4-bit layer makes its weights anew for each product, forward and backward, and keeps no input. An 8-bit layer keeps
its input as it came, beside what autograd saves, so that checkpointing does not free it while the graph of the first
forward pass lives (``bitsandbytes.autograd``: ``MatMul4Bit`` and ``MatMul8bitLt``).
"""

from functools import partial
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig


def imitate(model: torch.nn.Module, quantization: "BitsAndBytesConfig") -> None:
    """Lets the linear layers but the head compute so."""
    model.is_quantized = True
    head = model.get_output_embeddings()
    eight = quantization.load_in_8bit
    compute = torch.float16 if eight else quantization.bnb_4bit_compute_dtype
    for layer in model.modules():
        if isinstance(layer, torch.nn.Linear) and layer is not head:
            layer.forward = partial(_forward, layer, compute, eight)


def _forward(layer: torch.nn.Linear, compute: torch.dtype, keeps_input: bool, states: torch.Tensor) -> torch.Tensor:
    if keeps_input:
        product = _Product.apply(states, layer.weight, compute, True)
    else:
        product = _Product.apply(states.to(compute), layer.weight, compute, False)
    if layer.bias is not None:
        product = product + layer.bias.to(compute)
    return product.to(states.dtype)


class _Product(torch.autograd.Function):
    """The product with a weight that is dequantized for it."""

    @staticmethod
    def forward(ctx, states, weight, compute, keeps_input):
        ctx.shape, ctx.input = weight.shape, states if keeps_input else None
        halves = states.to(compute)
        return halves @ halves.new_empty(weight.shape).t()

    @staticmethod
    def backward(ctx, gradient):
        return gradient @ gradient.new_empty(ctx.shape), None, None, None
