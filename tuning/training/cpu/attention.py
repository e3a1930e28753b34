"""Attention for training on a CPU: batched matrix products, and nothing kept for the pairs of tokens.

torch's fused kernel computes bfloat16 hardly faster than float32 on a CPU. Here the products are oneDNN's. As in that
kernel (FlashAttention, Dao et al. 2022, arXiv 2205.14135), probabilities are computed again in backward, and the query
heads of a group are rows of one product with the keys that they share.
"""

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

ATTENTION = "recomputed"
# What transformers may pass that changes the scores, beside the mask and the scaling.
_OTHERS = ("softcap", "s_aux", "position_bias", "cache")


class Attention(torch.autograd.Function):
    """Softmax of scaled scores times values, with gradients for queries, keys and values.

    Shapes: ``query`` (batch, heads, tokens, head size), ``key`` and ``value`` (batch, key-value heads, tokens, head
    size), ``allowed`` (batch or 1, 1, tokens, tokens), bool.
    """

    @staticmethod
    def forward(ctx, query, key, value, allowed, scaling):
        shape, groups = query.shape, key.shape[0] * key.shape[1]
        queries = query.reshape(groups, -1, shape[-1]) * scaling
        keys, values = (tensor.reshape(groups, -1, tensor.shape[-1]) for tensor in (key, value))
        output = torch.bmm(_probabilities(queries, keys, allowed, shape), values)
        ctx.save_for_backward(queries, keys, values, allowed)
        ctx.scaling, ctx.shapes = scaling, (shape, key.shape, value.shape)
        return output.view(*shape[:-1], -1)

    @staticmethod
    def backward(ctx, gradient):
        queries, keys, values, allowed = ctx.saved_tensors
        of_query, of_key, of_value = ctx.shapes
        weights = _probabilities(queries, keys, allowed, of_query)
        gradient = gradient.reshape(len(queries), -1, gradient.shape[-1])
        values_gradient = torch.bmm(weights.transpose(1, 2), gradient)
        scores = torch.bmm(gradient, values.transpose(1, 2))
        scores = torch.ops.aten._softmax_backward_data(scores, weights, -1, weights.dtype)
        queries_gradient = torch.bmm(scores, keys).mul_(ctx.scaling)
        keys_gradient = torch.bmm(scores.transpose(1, 2), queries)
        return queries_gradient.view(of_query), keys_gradient.view(of_key), values_gradient.view(of_value), None, None


def _probabilities(queries, keys, allowed, shape) -> torch.Tensor:
    """(batch * key-value heads, heads of a group * tokens, tokens)."""
    scores = torch.bmm(queries, keys.transpose(1, 2))
    batch, heads, tokens, _ = shape
    # A padded row may allow nothing, so that what is not allowed is finite. Adding to all heads is faster than filling.
    forbidden = torch.zeros(allowed.shape, dtype=scores.dtype).masked_fill_(~allowed, torch.finfo(scores.dtype).min / 2)
    scores.view(batch, heads, tokens, -1).add_(forbidden)
    return torch.softmax(scores, dim=-1)


def recomputed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """``Attention`` in transformers' attention interface; what it does not know is left to torch's own kernel.

    Returns:
        (batch, tokens, heads, head size), and None for the weights, which are not kept.
    """
    tokens = query.shape[2]
    known = tokens == key.shape[2] and not dropout and not any(kwargs.get(name) is not None for name in _OTHERS)
    is_causal = kwargs.get("is_causal") if kwargs.get("is_causal") is not None else getattr(module, "is_causal", True)
    if not known or not is_causal or (attention_mask is not None and attention_mask.dtype != torch.bool):
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, **kwargs)
    if attention_mask is None:
        attention_mask = torch.ones(1, 1, tokens, tokens, dtype=torch.bool, device=query.device).tril()
    if torch.is_autocast_enabled("cpu"):
        query, key, value = (tensor.to(torch.get_autocast_dtype("cpu")) for tensor in (query, key, value))
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    return Attention.apply(query, key, value, attention_mask, scaling).transpose(1, 2), None


AttentionInterface.register(ATTENTION, recomputed_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def recompute_attention(model) -> None:
    """Gives the model this attention where it has torch's kernel."""
    if model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(ATTENTION)
