"""A randomly initialised model with its tokenizer, and a configuration that runs in seconds."""

import copy
import json
from pathlib import Path

import yaml

from tuning.config import params as config

ROOT = Path(__file__).resolve().parent.parent
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(chat_template: str | None = CHATML, **special):
    """A byte-level BPE tokenizer trained on the first starter rows, so that further rows change no token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = special or {"eos_token": "<|im_end|>", "bos_token": "<|im_start|>", "unk_token": "<|endoftext|>"}
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        special_tokens=list(dict.fromkeys(_flat(special.values()))),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    lines = (ROOT / "data/starter/instructions.jsonl").read_text(encoding="utf-8").splitlines()
    bpe.train_from_iterator((json.loads(line)["output"] for line in lines[:934]), trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=bpe, **special)
    fast.chat_template = chat_template
    return fast


def _flat(values) -> list[str]:
    return [token for value in values for token in (value if isinstance(value, list) else [value])]


def save_model(folder: Path, seed: int = 0) -> Path:
    """A Llama of two layers, saved with its tokenizer as a Hugging Face folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer()
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def params(model: str, dataset: str, prompts: str) -> dict:
    """Values as in the project's params.yaml, with a model, data and lengths that run in seconds."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values.update(model=model, dataset=dataset)
    values["ifeval"]["prompts"] = prompts
    values["data"].update(num_val=4, self_distill=False)
    values["data"]["instructions"].update(fraction=0, keep_untouched=True)
    values["lora"]["r"] = 4
    values["train"].update(max_steps=4, per_device_train_batch_size=4, logging_steps=1, save_steps=2)
    values["train"]["bf16"] = False  # the same on every processor
    values["unlikelihood"].update(answers=0, answer_tokens=24)
    values["generation"].update(batch_size=4, max_new_tokens=8)
    return values


def checked(values: dict) -> config.Params:
    """Values as in params.yaml, as the stages read them."""
    return config.checked(copy.deepcopy(values))
