"""Floating-point operations of training, and the rate that the device reaches."""

import time
from typing import Any

from tuning.generation.kv_cache import head_size, layer_configs
from tuning.memory.estimator import Estimator


def training_flops(model: Estimator, tokens: int, mean_length: float) -> float:
    """Operations of training on so many tokens.

    A weight of a matrix product costs a token two operations forward and two for the gradient of what goes in; a
    weight that is trained two more for its own gradient (Kaplan et al. 2020, arXiv 2001.08361, section 2.1: six in
    all). Attention costs a token of a layer four a number of the query heads and position, and twice that backward
    (Chowdhery et al. 2022, arXiv 2204.02311, appendix B). Checkpointing computes the layers' forward pass again, and
    TRL's head its logits in any case.

    Args:
        mean_length: tokens of a row.
    """
    text, adapter = model.config.get_text_config(), model.trained.adapter > 0
    matrices = model.weights.parameters - (0 if _tied(text) else text.vocab_size * text.hidden_size)
    added = model.trained.parameters if adapter else 0
    trained = model.trained.parameters if adapter else matrices
    heads = [layer for layer in layer_configs(text) if getattr(layer, "num_attention_heads", 0)]  # Mamba and RWKV: none
    attention = 4 * sum(layer.num_attention_heads * head_size(layer) for layer in heads) * mean_length
    forward = 2 * (matrices + added) + attention
    head = 2 * text.vocab_size * text.hidden_size
    again = forward if model.run.checkpointing else head
    return tokens * (forward + 2 * (matrices + added) + 2 * attention + 2 * trained + again)


def _tied(config) -> bool:
    """Whether the head uses the embedding table as its matrix; a table that is only looked up costs no operations."""
    return bool(getattr(config, "tie_word_embeddings", False))


def matrix_rate(dtype, size: int = 2048) -> float:
    """Operations per second of a square matrix product on this device, the best of several tries."""
    import torch

    from tuning.model.device import device

    matrix = torch.randn(size, size).to(device(), dtype)
    best = float("inf")
    for _ in range(6):
        started = time.perf_counter()
        (matrix @ matrix)[0, 0].item()  # waits for the device
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def report(model: Estimator, train: dict[str, Any], measured: dict[str, Any], rows: int) -> dict[str, float]:
    """What metrics/resources.json says of training's arithmetic.

    Args:
        train: metrics/train.json.
        measured: metrics/measured/train.json.
        rows: that were trained on, each time counted.
    """
    import torch

    flops = training_flops(model, train["tokens"], train["tokens"] / rows)
    dtype = getattr(torch, model.run.half) if model.run.half else model.run.model.dtype
    # After a resume, the seconds are of this process only, so the rate uses this process's tokens only.
    achieved = flops * measured["tokens_per_second"] / train["tokens"]
    peak = matrix_rate(dtype)
    return {"flops": flops, "flops_per_second": achieved, "share_of_matrix_product_rate": achieved / peak}
