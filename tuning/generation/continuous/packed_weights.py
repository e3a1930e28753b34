"""Weights of linear layers laid out once for the matrix products of a CPU, instead of at each product.

oneDNN computes a product with a few dozen rows faster when the weight lies in the blocks that its kernels read (oneDNN
documentation, "Memory Format Propagation"). PyTorch's compiler uses the same two operators when it freezes a model. A
row gets the same numbers whatever rows stand beside it, as soon as there are two.
"""

import platform
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch

USED = True  # False: as without this file, to measure what it gives


class PackedLinear(torch.nn.Linear):
    """A linear layer inside ``packed_weights``; ``packed`` is its weight in oneDNN's own layout."""

    packed: torch.Tensor

    @property
    def weight(self) -> torch.Tensor:
        """The weight as the layer has it outside, made anew for those who ask, such as DoRA."""
        return self.packed.to_dense()

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(input, self.packed, self.bias, "none", [], "")


@contextmanager
def packed_weights(model: torch.nn.Module) -> Iterator[None]:
    """The model with its plain float32 linear layers on the CPU packed inside the block, and as it was afterwards.

    A weight is held once, unless other layers use it too, as the embeddings of many models are the head's weight.
    """
    users = Counter(id(weight) for _, weight in model.named_parameters(remove_duplicate=False))
    layers = [layer for layer in model.modules() if type(layer) is torch.nn.Linear and _gains(layer)]
    weights = [_pack(layer, users) for layer in layers]
    try:
        yield
    finally:
        for layer, weight in zip(layers, weights, strict=True):
            _unpack(layer, weight)


def packs(device: str, dtype: torch.dtype) -> bool:
    """Whether weights on this device, in this dtype, are packed on this machine."""
    here = torch.backends.mkldnn.is_available() and platform.machine() in ("x86_64", "AMD64")
    return USED and here and device == "cpu" and dtype == torch.float32


def _gains(layer: torch.nn.Linear) -> bool:
    return packs(layer.weight.device.type, layer.weight.dtype) and "forward" not in vars(layer)


def _pack(layer: torch.nn.Linear, users: Counter) -> torch.nn.Parameter:
    """Packs the layer; returns its weight, emptied where no other layer uses it."""
    weight = layer.weight
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach())
    layer._parameters["weight"] = None  # its place among the parameters stays
    layer.__class__ = PackedLinear
    layer.packed = packed
    if users[id(weight)] == 1:
        weight.data = weight.new_empty(0)
    return weight


def _unpack(layer: torch.nn.Linear, weight: torch.nn.Parameter) -> None:
    if not weight.numel():
        weight.data = layer.packed.to_dense()
    del layer.packed
    layer.__class__ = torch.nn.Linear
    layer.weight = weight
