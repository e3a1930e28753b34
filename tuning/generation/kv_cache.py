"""How many prompts fit in memory at once."""

from typing import TYPE_CHECKING

from tuning.model.device import device, free_bytes

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Larger batches are hardly faster: the matrix products already run at the processor's full rate.
MOST = {"cpu": 128, "mps": 64, "cuda": 256}
SHARE = 0.7  # of free memory; the rest is for activations, fragmentation, and what else runs
PREFILL = 8192  # tokens of prompts in one forward pass of generation
# The keys that a step of generation reads are rounded up to this. A GPU records a graph for each of these lengths.
LENGTHS = {"cpu": 16, "mps": 16, "cuda": 64}


def rounded_up(number: int, step: int) -> int:
    """The number, rounded up to a multiple of the step."""
    return -(-number // step) * step


def cache_positions(longest: int) -> int:
    """Cache positions for a prompt and its answer, with room for the padding of the prompt."""
    return rounded_up(longest + LENGTHS[device()], LENGTHS[device()])


def kv_cache_bytes(config, batch: int, length: int, item: int) -> int:
    """Keys and values of every layer for ``batch`` sequences of ``length`` tokens, and recurrent states.

    Heads that share keys and values count once (grouped-query attention, arXiv 2305.13245), and so do layers that share
    them. A sliding window saves nothing, since the project's buffers hold every position. A recurrent layer
    (RecurrentGemma, arXiv 2404.07839) has a state in float32 and the last inputs of its convolution instead. A model
    without attention (Mamba, RWKV) has states alone, whatever the length.

    Args:
        item: bytes of a number.
    """
    config = config.get_text_config()
    layers = layer_configs(config)
    if not hasattr(layers[0], "num_attention_heads"):
        return config.num_hidden_layers * batch * _state_bytes(config)
    holding = layers[: len(layers) - (getattr(config, "num_kv_shared_layers", None) or 0)]
    recurrent = 0
    if hasattr(config, "lru_width"):  # versions of transformers call the kind differently
        recurrent = sum(kind in ("recurrent", "linear_attention") for kind in config.layers_block_type)
        holding = holding[recurrent:]  # all have the same heads
    heads = (getattr(layer, "num_key_value_heads", None) or layer.num_attention_heads for layer in holding)
    numbers = sum(count * head_size(layer) for count, layer in zip(heads, holding, strict=True))
    found = 2 * batch * length * numbers * item
    if recurrent:
        found += recurrent * batch * (4 * config.lru_width + (config.conv1d_width - 1) * config.hidden_size * item)
    return found


def layer_configs(config) -> list:
    """The configuration of each layer of a text model, since Gemma 4 refuses to say of all what differs among them."""
    layers = getattr(config, "per_layer_config", None)
    return list(layers) if layers else [config] * config.num_hidden_layers


def head_size(layer) -> int:
    """The size of an attention head."""
    return getattr(layer, "head_dim", None) or layer.hidden_size // layer.num_attention_heads


def _state_bytes(config) -> int:
    """The states of one layer without attention for one sequence, at the most four bytes a number.

    RWKV has five vectors (arXiv 2305.13048), xLSTM a matrix, a vector and a number for each head
    (arXiv 2405.04517). Mamba has ``state_size`` numbers for each inner channel, and the last inputs of its convolution
    (arXiv 2312.00752), which in Mamba 2 (arXiv 2405.21060) takes in each group's parameters.
    """
    if config.model_type == "rwkv":
        return 4 * 5 * config.hidden_size
    if config.model_type == "xlstm":
        return 4 * config.num_heads * (config.qk_head_dim * (config.v_head_dim + 1) + 1)
    width = getattr(config, "intermediate_size", None) or config.expand * config.hidden_size
    inputs = width + 2 * getattr(config, "n_groups", 0) * config.state_size
    return 4 * (width * config.state_size + inputs * config.conv_kernel)


def batch_size(model: "PreTrainedModel", length: int, free: int | None = None) -> int:
    """Prompts that fit in free memory at once.

    Args:
        model: loaded already.
        length: tokens of the longest prompt and its answer.
        free: bytes; None: what is free now.
    """
    free = free_bytes() if free is None else free
    most = MOST[device()]
    if free is None:
        return most
    vocabulary = model.config.get_text_config().vocab_size
    logits = 3 * 4 * vocabulary  # the logits, their float32 copy, and temporary tensors
    each = kv_cache_bytes(model.config, 1, length, model.dtype.itemsize) + logits
    return max(1, min(most, int(SHARE * free) // each))
