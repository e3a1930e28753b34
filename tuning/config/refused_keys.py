"""Keys of the Hugging Face classes that params.yaml takes under another name, narrower, or not at all."""

from tuning.config.huggingface_keys import Key

_NULL = type(None)
_TEXT, _SWITCH = Key(frozenset({str})), Key(frozenset({bool}))

# Keys whose annotations leave open what they take, and arguments of tokenizers that no common signature lists.
NARROWED: dict[str, dict[str, Key]] = {
    "model_config": {"dtype": Key(frozenset({str}), ("auto", "float32", "bfloat16", "float16"))},
    "quantization": {"bnb_4bit_compute_dtype": Key(frozenset({str}), ("float32", "bfloat16", "float16"))},
    "train": {"pad_to_multiple_of": Key(frozenset({int, str, _NULL}), ("auto",))},
    "tokenizer_config": {
        "padding_side": Key(frozenset({str}), ("left", "right")),
        "use_fast": _SWITCH,
        "add_bos_token": _SWITCH,
        "add_eos_token": _SWITCH,
        "legacy": _SWITCH,
        "bos_token": _TEXT,
        "eos_token": _TEXT,
        "pad_token": _TEXT,
        "unk_token": _TEXT,
    },
}

RESERVED: dict[tuple[str, str], str] = {
    ("train", "output_dir"): "checkpoints go to a folder of their own, the adapter to models/adapter",
    ("train", "seed"): "the seed of everything is the top-level key 'seed'",
    ("train", "data_seed"): "the seed of everything is the top-level key 'seed'",
    ("train", "resume_from_checkpoint"): "a stage that was interrupted resumes by itself",
    ("train", "report_to"): "curves are written by DVCLive to metrics/curves",
    ("train", "model_init_kwargs"): "use the section 'model_config'",
    ("train", "push_to_hub"): "the stages only write local files",
    ("model_config", "quantization_config"): "use the section 'quantization'",
    ("lora", "peft_type"): "it follows from the section",
    ("prompt_tuning", "peft_type"): "it follows from the section",
}

RENAMED: dict[tuple[str, str], str] = {
    ("train", "max_seq_length"): "max_length",
    ("train", "evaluation_strategy"): "eval_strategy",
    ("train", "warmup_ratio"): "warmup_steps (a fraction below 1 is a share of the steps)",
    ("train", "group_by_length"): "train_sampling_strategy: group_by_length",
    ("train", "tokenizer"): "the top-level key 'tokenizer'",
    ("model_config", "torch_dtype"): "dtype",
    ("model_config", "load_in_4bit"): "quantization.load_in_4bit",
    ("model_config", "load_in_8bit"): "quantization.load_in_8bit",
}
