"""Whether continuous batching can answer with a model, in a given way."""

from typing import TYPE_CHECKING

import torch

from tuning.generation.continuous import batching
from tuning.generation.sequence import Sequence

# How far logits of two ways of computing them may lie apart, as a fraction of their norm. In bfloat16 it is 0.04 after
# 16 layers of random weights, and more after more; one token left out of a prompt makes 0.6.
ROUNDING = {torch.float32: 1e-3, torch.float64: 1e-3}

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel


def why_not(model: "PreTrainedModel", config: "GenerationConfig", prompt: list[int], prefix=None) -> str | None:
    """Why this model or this way of generating needs transformers' own ``generate``; None if it does not.

    The last check is a trial: after a short prompt, the logits must equal the model's own.

    Args:
        prompt: token ids to try it with.
        prefix: see ``batching.Batch``.
    """
    from transformers.generation import GenerationMode

    mode = config.get_generation_mode()
    text = model.config.get_text_config()
    if mode not in (GenerationMode.GREEDY_SEARCH, GenerationMode.SAMPLE):
        return f"the generation mode is {mode.value}"
    if config.max_time or (config.guidance_scale or 1) != 1 or config.cache_implementation:
        return "only it supports 'max_time', 'guidance_scale' and 'cache_implementation'"
    if getattr(model, "_is_stateful", False) or not getattr(model, "_supports_attention_backend", False):
        return f"{model.config.model_type} has no cache of keys and values alone, or an attention of its own"
    if set(getattr(text, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}:
        return f"{model.config.model_type} has layers of other kinds than attention"
    if (getattr(text, "rope_parameters", None) or {}).get("rope_type") in ("dynamic", "longrope"):
        return "its positions are scaled by the longest sequence of the batch"
    return _disagreement(model, prompt[-32:], prefix)


def _disagreement(model: "PreTrainedModel", prompt: list[int], prefix) -> str | None:
    with torch.inference_mode():
        ids = torch.tensor([prompt], device=model.device)
        expected = batching.forward(model, ids, prefix, use_cache=False).logits[0, -1]
        try:
            with batching.grouped(model):
                batch = batching.Batch(model, 1, len(prompt) + 1, prefix)
                batch.admit([Sequence(0, prompt, 1)])
                found = batch.logits()[0]
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # an unknown model may raise anything when it gets a cache that it does not expect
            return f"{model.config.model_type} does not take our cache ({type(error).__name__}: {error})"
    apart = (found - expected).float().norm() / expected.float().norm().clamp(min=1e-6)
    if not apart <= ROUNDING.get(expected.dtype, 0.2):
        return f"{model.config.model_type} gives other logits with our cache"
    return None
