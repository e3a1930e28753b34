"""Tiny random models of the six architectures that must work, each from its own configuration class."""

from pathlib import Path

from tests import tiny

# Chat templates in the manner of each family: how turns are marked, whether a system role is understood.
GEMMA = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for m in messages %}<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n"
    "{{ m['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
BASE = None  # a base model: no template of its own

_GEMMA = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
_GEMMA |= {"additional_special_tokens": ["<start_of_turn>", "<end_of_turn>"]}
SPECIAL = {
    "qwen2": (tiny.CHATML, {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}),
    "mistral": (BASE, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}),
    "llama": (BASE, {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}),
    "gemma2": (GEMMA, _GEMMA),
    "recurrent_gemma": (BASE, {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>"}),
    "phi": (BASE, {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}),
}
ARCHITECTURES = list(SPECIAL)


def config(name: str, words):
    """The architecture's configuration at the smallest size that has all its parts."""
    import transformers

    sizes = {
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }
    own = {
        "qwen2": ("Qwen2Config", {}),
        "mistral": ("MistralConfig", {"sliding_window": None}),
        "llama": ("LlamaConfig", {}),
        "gemma2": ("Gemma2Config", {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 16}),
        "recurrent_gemma": (
            "RecurrentGemmaConfig",
            {
                "num_hidden_layers": 3,
                "lru_width": 32,
                "attention_window_size": 16,
                "num_key_value_heads": 1,
                "w_init_variance_scale": 1.0,  # answers that depend on the prompt
            },
        ),
        "phi": ("PhiConfig", {"num_key_value_heads": 4}),
    }
    class_name, changes = own[name]
    return getattr(transformers, class_name)(**{**sizes, **changes})


def save(name: str, folder: Path) -> Path:
    """Model and tokenizer as a Hugging Face folder."""
    import torch
    from transformers import AutoModelForCausalLM

    template, special = SPECIAL[name]
    words = tiny.tokenizer(template, **special)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config(name, words)).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder
