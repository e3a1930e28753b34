"""Linear layers for the few rows of a decoding step, on a CPU.

The matrix product of a weight with a few dozen rows is up to a fifth faster with the weight as the first
operand than as ``torch.nn.functional.linear`` orders it, and gives a row the same numbers whatever rows stand
beside it, as soon as there are a dozen of them.
"""

from contextlib import contextmanager
from functools import partial

import torch


@contextmanager
def weight_first(model: torch.nn.Module):
    """The model with its plain float32 linear layers on the CPU computing so inside the block."""
    layers = [module for module in model.modules() if type(module) is torch.nn.Linear and _fits(module)]
    for layer in layers:
        layer.forward = partial(_forward, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _fits(layer: torch.nn.Linear) -> bool:
    weight = layer.weight
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and "forward" not in vars(layer)


def _forward(layer: torch.nn.Linear, states: torch.Tensor) -> torch.Tensor:
    product = layer.weight @ states.reshape(-1, states.shape[-1]).t()
    if layer.bias is not None:
        product += layer.bias[:, None]
    return product.t().reshape(*states.shape[:-1], -1)
