"""Configurations of well-known models, for estimates where the Hub cannot be reached."""

from pathlib import Path
from typing import Any

from tuning.config.params import Params
from tuning.core.errors import UserError
from tuning.model.hub_connection import unreachable
from tuning.model.model_spec import load_config

# What each model's config.json says where it differs from the defaults of its class, and matters for memory.
_FACTS: dict[str, dict[str, Any]] = {
    "Qwen/Qwen2.5-7B": {
        "model_type": "qwen2",
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": False,
    },
    "mistralai/Mistral-7B-v0.3": {
        "model_type": "mistral",
        "vocab_size": 32768,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 32768,
        "sliding_window": None,
        "tie_word_embeddings": False,
    },
    "meta-llama/Llama-3.1-8B": {
        "model_type": "llama",
        "vocab_size": 128256,
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "max_position_embeddings": 131072,
        "tie_word_embeddings": False,
    },
    "google/gemma-2-2b-jpn-it": {
        "model_type": "gemma2",
        "vocab_size": 256000,
        "hidden_size": 2304,
        "intermediate_size": 9216,
        "num_hidden_layers": 26,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "max_position_embeddings": 8192,
        "sliding_window": 4096,
    },
    "google/recurrentgemma-9b": {
        "model_type": "recurrent_gemma",
        "vocab_size": 256000,
        "hidden_size": 4096,
        "intermediate_size": 24576,
        "num_hidden_layers": 38,
        "num_attention_heads": 16,
        "num_key_value_heads": 1,
        "lru_width": 4096,
        "attention_window_size": 2048,
    },
    "microsoft/phi-2": {
        "model_type": "phi",
        "vocab_size": 51200,
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "max_position_embeddings": 2048,
        "partial_rotary_factor": 0.4,
    },
}
# The dtype of the checkpoints.
_DTYPES = {"microsoft/phi-2": "float16"}


def configuration(params: Params):
    """The model's own configuration, or the one stored here where that cannot be loaded.

    Raises:
        UserError: it is neither here nor on the Hub, and not known.
    """
    name, arguments = params.model, params.model_config.arguments
    if name in _FACTS and not Path(name).exists() and unreachable():
        arguments["local_files_only"] = True
    try:
        return load_config(name, arguments)
    except UserError:
        if name not in _FACTS:
            raise
    from transformers import AutoConfig

    facts = dict(_FACTS[name])
    return AutoConfig.for_model(facts.pop("model_type"), dtype=_DTYPES.get(name, "bfloat16"), **facts)
