"""A linear layer and its LoRA in one step, for training on a CPU.

PEFT computes ``x W' + s (x A') B'`` (Hu et al. 2021, arXiv 2106.09685) as separate operations, of which each writes a
tensor of the output's size, and casts. Here the small product is added to the large one in place, forward and backward.
"""

from types import MethodType

import torch
from peft.tuners.lora import Linear
from torch.nn.functional import linear


class LoraProduct(torch.autograd.Function):
    """``x W' + b + s (x A') B'`` with gradients for ``x``, ``A`` and ``B``.

    Under autocast it computes in autocast's dtype, else in the dtype of ``x``.

    Shapes: ``x`` (..., inputs), ``weight`` W (outputs, inputs), ``bias`` b (outputs) or None, ``a`` (rank, inputs),
    ``b`` (outputs, rank); ``scale`` s is a number.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, a, b, scale):
        dtype = _dtype(x)
        rows = x.reshape(-1, x.shape[-1]).to(dtype)
        weight, a_cast, b_cast = weight.to(dtype), a.to(dtype), b.to(dtype)
        output = linear(rows, weight, None if bias is None else bias.to(dtype))
        inner = linear(rows, a_cast)
        output.addmm_(inner, b_cast.t(), alpha=scale)
        ctx.save_for_backward(rows, weight, a_cast, b_cast, inner)
        ctx.scale, ctx.shape, ctx.dtypes = scale, x.shape, (x.dtype, a.dtype, b.dtype)
        return output.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx, gradient):
        rows, weight, a, b, inner = ctx.saved_tensors
        of_x, of_a, of_b = ctx.dtypes
        gradient = gradient.reshape(-1, gradient.shape[-1]).to(rows.dtype)
        of_inner = (gradient @ b).mul_(ctx.scale)
        found = None
        if ctx.needs_input_grad[0]:
            found = (gradient @ weight).addmm_(of_inner, a).view(ctx.shape).to(of_x)
        gradient_b = (gradient.t() @ inner).mul_(ctx.scale)
        return found, None, None, (of_inner.t() @ rows).to(of_a), gradient_b.to(of_b), None


def join_lora(model: torch.nn.Module) -> None:
    """Lets each layer with a plain LoRA compute in one step; the others stay as PEFT has them."""
    for layer in model.modules():
        if type(layer) is Linear and _is_plain(layer):
            layer.forward = MethodType(_forward, layer)


def _is_plain(layer: Linear) -> bool:
    """Whether the layer is frozen and not quantized, with one LoRA without dropout, bias or a variant such as DoRA."""
    [*names] = layer.active_adapters
    if len(names) != 1 or names[0] not in layer.lora_A or layer.lora_variant or layer.fan_in_fan_out:
        return False
    drops = type(layer.lora_dropout[names[0]]) is not torch.nn.Identity
    base = layer.base_layer
    return not (drops or layer.lora_bias[names[0]] or type(base) is not torch.nn.Linear or base.weight.requires_grad)


def _forward(self: Linear, x: torch.Tensor, *args, **kwargs) -> torch.Tensor:
    [name] = self.active_adapters
    base, a, b = self.base_layer, self.lora_A[name].weight, self.lora_B[name].weight
    mixed = not torch.is_autocast_enabled("cpu") and a.dtype != base.weight.dtype
    if self.disable_adapters or self.merged or mixed or args or kwargs:
        return Linear.forward(self, x, *args, **kwargs)
    return LoraProduct.apply(x, base.weight, base.bias, a, b, self.scaling[name])


def _dtype(x: torch.Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
