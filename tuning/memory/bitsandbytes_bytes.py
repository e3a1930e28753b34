"""Bytes of weights that bitsandbytes has quantized."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import BitsAndBytesConfig


def quantized_layers(model) -> list:
    """The linear layers that transformers quantizes: all but the head."""
    import torch

    head = model.get_output_embeddings()
    return [module for module in model.modules() if isinstance(module, torch.nn.Linear) and module is not head]


# What bitsandbytes keeps with each 4-bit weight: the 16 values of the code; doubly quantized, the scales' code of
# 256 values and their offset too.
_CODE, _NESTED = 16 * 4, 256 * 4 + 4


def quantized_bytes(weight, quantization: "BitsAndBytesConfig") -> int:
    """Bytes of one weight as bitsandbytes lays it out.

    4 bits: half a byte a number and a float32 scale for each block of 64; double quantization holds the scales in
    a byte each, with a float32 for each 256 of them (Dettmers et al. 2023, arXiv 2305.14314, section 3). 8 bits: a
    byte a number and a float32 a row (Dettmers et al. 2022, arXiv 2208.07339).
    """
    count = weight.numel()
    if quantization.load_in_8bit:
        return count + 4 * weight.shape[0]
    blocks = -(-count // 64)
    if not quantization.bnb_4bit_use_double_quant:
        return -(-count // 2) + 4 * blocks + _CODE
    return -(-count // 2) + blocks + 4 * -(-blocks // 256) + _CODE + _NESTED
