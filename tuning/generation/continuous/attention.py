"""Attention over cached keys and values, without copying them for each query head.

transformers' attention repeats each key-value head for every query head that shares it (grouped-query
attention, Ainslie et al. 2023, arXiv 2305.13245). Here the query heads of a group are rows of one matrix
product with the keys. It stands on transformers' extension points: ``AttentionInterface``, and attention masks
of four dimensions, which models take as they are.
"""

from functools import partial
from typing import Any

import torch
from transformers import AttentionInterface

from tuning.generation.continuous import kernels

ATTENTION = "grouped"


def grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention with the query heads of a group side by side, in transformers' attention interface.

    Args:
        query: (batch, heads, queries, head size).
        key: (batch, key-value heads, keys, head size), as ``value``.
        attention_mask: what is added to the scores, (batch or 1, 1, queries, keys).
        scaling: factor of the scores; None: one by the square root of the head size.
        softcap: bound of the scores, as Gemma 2 has it (arXiv 2408.00118, section 2).
        s_aux: (heads,), attention sinks as gpt-oss has them: a score of each head to which no value belongs.

    Returns:
        (batch, queries, heads, head size), and None for the weights, which are not kept.
    """
    batch, heads, queries, size = query.shape
    groups = key.shape[1]
    scaling = size**-0.5 if scaling is None else scaling
    if queries > 1 and softcap is None and s_aux is None:  # reading a prompt: the fused kernel, which stores no scores
        options = {"attn_mask": attention_mask, "scale": scaling, "enable_gqa": heads != groups}
        rows = (tensor.contiguous() for tensor in (query, key, value))  # as it needs them; else all scores are kept
        output = torch.nn.functional.scaled_dot_product_attention(*rows, **options)
        return output.transpose(1, 2), None
    scores, mixed = _products(query, attention_mask)
    found = scores((query * scaling).reshape(batch, groups, -1, size), key).view(batch, heads, queries, -1)
    if softcap is not None:
        found = torch.tanh(found / softcap) * softcap
    found = found + attention_mask
    if s_aux is not None:
        found = torch.cat([found, s_aux.view(1, -1, 1, 1).expand(batch, -1, queries, -1)], dim=-1)
    weights = torch.softmax(found, dim=-1, dtype=torch.float32)[..., : key.shape[2]].to(query.dtype)
    output = mixed(weights.reshape(batch, groups, -1, key.shape[2]), value)
    return output.view(batch, heads, queries, value.shape[-1]).transpose(1, 2), None


def _products(query: torch.Tensor, mask: torch.Tensor):
    """How to multiply queries with keys, and weights with values: (batch, key-value heads, rows, ...) each."""
    if query.shape[2] == 1 and query.device.type == "cpu" and query.dtype == torch.float32 and kernels.RUNS:
        seen = mask[:, 0, 0].expand(len(query), -1)
        return partial(kernels.scores, mask=seen), partial(kernels.mixed, mask=seen)
    return (lambda rows, key: rows @ key.transpose(2, 3)), torch.matmul


AttentionInterface.register(ATTENTION, grouped_attention)


def attention_masks(config, positions: torch.Tensor, length: int, dtype: torch.dtype):
    """What is added to the scores of queries at ``positions``, in the form that the model takes.

    Args:
        positions: (batch, queries).
        length: keys, of which number j stands at position j.

    Returns:
        (batch, 1, queries, length), or one such for each kind of layer, by its name.
    """
    keys = torch.arange(length, device=positions.device)
    past = keys <= positions[:, None, :, None]
    window = getattr(config, "sliding_window", None)
    near = past if window is None else past & (keys > positions[:, None, :, None] - window)
    full, sliding = (_added(allowed, dtype) for allowed in (past, near))
    kinds = set(getattr(config, "layer_types", None) or ())
    if "sliding_attention" in kinds:
        return {"full_attention": full, "sliding_attention": sliding}
    return full if kinds else sliding


def _added(allowed: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    zero = torch.zeros((), dtype=dtype, device=allowed.device)
    return torch.where(allowed, zero, torch.finfo(dtype).min)
