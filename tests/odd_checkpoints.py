"""Tiny models that differ from what a stage expects, one kind each: a folder made from the tiny model."""

import json
from pathlib import Path

from tests import tiny

USER_FIRST = (
    "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('turns must alternate') }}{% endif %}[{{ m['role'] }}]{{ m['content'] }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
THINKS = tiny.CHATML.replace("<|im_start|>assistant\n{% endif %}", "<|im_start|>assistant\n<think>\n{% endif %}")
DATED = "<|im_start|>system\nIt is {% set form = '%d %B %Y' %}{{ strftime_now(form) }}.<|im_end|>\n" + tiny.CHATML
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + tiny.CHATML
_TURNS = tiny.CHATML.partition("{% if add_generation_prompt %}")[0]
NEVER_BEGINS, ALWAYS_BEGINS = _TURNS, _TURNS + "{{ '<|im_start|>assistant\n' }}"
PARTS = tiny.CHATML.replace("{{ message['content'] }}", "{% for p in message['content'] %}{{ p['text'] }}{% endfor %}")
SPECIAL = {"eos_token": "<|im_end|>", "bos_token": "<|im_start|>", "unk_token": "<|endoftext|>"}


def save(folder: Path, template: str = tiny.CHATML, tied: bool = False, **special) -> Path:
    """The tiny model with another template, or other special tokens."""
    tiny.save_model(folder)
    save_tokenizer(folder, tiny.tokenizer(template, **special or SPECIAL))
    if tied:
        change(folder / "config.json", tie_word_embeddings=True)
        change_weights(folder, lambda weights: weights.pop("lm_head.weight"))
    return folder


def save_tokenizer(folder: Path, words) -> None:
    """Another tokenizer in the place of the folder's own."""
    for pattern in ("tokenizer*", "special*", "chat_template*"):
        for path in folder.glob(pattern):
            path.unlink()
    words.save_pretrained(folder)


def change(path: Path, **values) -> None:
    """Other values in a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def change_weights(folder: Path, how) -> None:
    """Applies a function to the tensors by name."""
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    how(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def save_larger_tokenizer(folder: Path, template: str = tiny.CHATML, **special) -> Path:
    """The tiny model and a tokenizer with two tokens that it does not have, ``<|user|>`` and ``<|pad|>``."""
    tiny.save_model(folder)
    words = tiny.tokenizer(template)
    words.add_special_tokens({"additional_special_tokens": ["<|user|>", "<|pad|>"], **special})
    save_tokenizer(folder, words)
    return folder


def save_learned_positions(folder: Path, positions: int = 64) -> Path:
    """A GPT-2 of two layers with a table of positions."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    words = tiny.tokenizer()
    torch.manual_seed(0)
    GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(words),
            n_embd=32,
            n_layer=2,
            n_head=4,
            n_positions=positions,
            eos_token_id=words.eos_token_id,
        )
    ).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def save_four_bits(folder: Path, tiny_model: Path) -> Path:
    """The tiny model, stored in 4 bits."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    model = AutoModelForCausalLM.from_pretrained(tiny_model, quantization_config=config, device_map={"": "cpu"})
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


def save_parts(folder: Path, tiny_model: Path) -> list[Path]:
    """The tiny model in several files of weights."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    AutoModelForCausalLM.from_pretrained(tiny_model).save_pretrained(folder, max_shard_size="60KB")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return sorted(folder.glob("model-*.safetensors"))
