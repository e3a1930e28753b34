"""Configurations of models whose layers are not all alike, or that have more than text, at the smallest sizes."""

import transformers

SIZES = {
    "vocab_size": 800,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
    "bos_token_id": 1,
    "eos_token_id": 0,
    "pad_token_id": 2,
}
SLIDING = {"sliding_window": 40, "layer_types": 3 * ["sliding_attention", "full_attention"]}


def gemma3_text():
    return transformers.Gemma3TextConfig(**SIZES, **SLIDING)


def gemma3(vision_layers: int = 2):
    """The same text model, beside one that reads images."""
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": vision_layers, "num_attention_heads": 4}
    return transformers.Gemma3Config(
        text_config=SIZES | SLIDING | {"model_type": "gemma3_text"},
        vision_config=tower | {"image_size": 28, "patch_size": 14},
        mm_tokens_per_image=4,
    )


def gemma3n(shared: int = 2):
    """A text model whose last layers read the keys and values of earlier ones."""
    each = {"vocab_size_per_layer_input": 800, "hidden_size_per_layer_input": 8, "laurel_rank": 4}
    return transformers.Gemma3nTextConfig(
        **SIZES, **SLIDING, **each, num_kv_shared_layers=shared, activation_sparsity_pattern=6 * [0.0]
    )


def gemma4(**own):
    """Heads of full attention are twice as large; a wrapper without towers."""
    each = {"vocab_size_per_layer_input": 800, "hidden_size_per_layer_input": 8, "global_head_dim": 16}
    return transformers.Gemma4Config(text_config=SIZES | SLIDING | each | own, vision_config=None, audio_config=None)


def mixtral():
    own = {"intermediate_size": 128, "num_local_experts": 8, "sliding_window": None}
    return transformers.MixtralConfig(**SIZES | own)


def gpt_oss():
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    return transformers.GptOssConfig(**SIZES, **SLIDING, num_local_experts=4, rope_parameters=rope)


def llama(**own):
    return transformers.LlamaConfig(**SIZES | own)
