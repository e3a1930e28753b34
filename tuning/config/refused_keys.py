"""Keys of the Hugging Face classes that params.yaml takes narrower than the class, or not at all."""

from typing import Annotated, Any, Literal

from pydantic import Field

_AtLeastOne = Annotated[int, Field(ge=1)]
_Count = Annotated[int, Field(ge=0)]
_NotNegative = Annotated[float, Field(ge=0)]
_Positive = Annotated[float, Field(gt=0)]
_Fraction = Annotated[float, Field(ge=0, le=1)]
_BelowOne = Annotated[float, Field(ge=0, lt=1)]
_Processes = Annotated[int, Field(ge=0, le=1024)]  # more would be started one by one, until the machine stands still

# Type annotations for keys whose class leaves open what they take, or which take more than works here; and
# arguments of tokenizers that no common signature lists.
NARROWED: dict[str, dict[str, Any]] = {
    "model_config": {"dtype": Literal["auto", "float32", "bfloat16", "float16"]},
    "quantization": {
        "bnb_4bit_compute_dtype": Literal["float32", "bfloat16", "float16"],
        "llm_int8_threshold": _NotNegative,
    },
    "lora": {
        "r": _AtLeastOne,
        "lora_alpha": _AtLeastOne,
        "lora_dropout": _BelowOne,
        "target_modules": list[str] | str | None,
        "exclude_modules": list[str] | str | None,
        "modules_to_save": list[str] | None,
        "target_parameters": list[str] | None,
        "layers_to_transform": list[_Count] | _Count | None,
        "rank_pattern": dict[str, _AtLeastOne] | None,
        "alpha_pattern": dict[str, _Positive] | None,
        # The others need a look at the rows before training, without which they are the ordinary one, or an error;
        # pissa_niter_N draws by chance what it takes out of the weights, and would draw again when it is loaded.
        "init_lora_weights": bool | Literal["gaussian", "olora", "pissa", "loftq", "orthogonal", "mica"],
    },
    "prompt_tuning": {"num_virtual_tokens": _AtLeastOne},
    "train": {
        "max_length": _AtLeastOne | None,
        "per_device_train_batch_size": _AtLeastOne | Literal["auto"],
        "per_device_eval_batch_size": _AtLeastOne,
        "gradient_accumulation_steps": _AtLeastOne | Literal["auto"],
        "gradient_checkpointing": bool | Literal["auto"],
        "bf16": bool | Literal["auto"] | None,
        "tf32": bool | Literal["auto"] | None,
        "learning_rate": _NotNegative | Literal["auto"],
        "neftune_noise_alpha": Annotated[float, Field(ge=0, le=1e6)] | None,
        "weight_decay": _NotNegative,
        "max_grad_norm": _NotNegative,
        "warmup_steps": _NotNegative,
        "adam_beta1": _BelowOne,
        "adam_beta2": _BelowOne,
        "adam_epsilon": _NotNegative,
        "label_smoothing_factor": _Fraction,
        "router_aux_loss_coef": _NotNegative | None,
        "logging_steps": _Positive,
        "save_steps": _Positive,
        "eval_steps": _Positive | None,
        "eval_delay": _NotNegative,
        "eval_accumulation_steps": _AtLeastOne | None,
        "save_total_limit": _AtLeastOne | None,
        "dataloader_num_workers": _Processes,
        "dataloader_prefetch_factor": _AtLeastOne | None,
        "dataset_num_proc": Annotated[int, Field(ge=1, le=1024)] | None,
        "pad_to_multiple_of": _AtLeastOne | Literal["auto"] | None,
    },
    "generation": {
        "max_new_tokens": _AtLeastOne | Literal["auto"] | None,
        "min_new_tokens": _Count | None,
        "temperature": _NotNegative | None,
        "top_k": Annotated[int, Field(ge=-1)] | None,
        "top_p": _Fraction | None,
        "min_p": _Fraction | None,
        "typical_p": _Fraction | None,
        "repetition_penalty": _Positive | None,
        "no_repeat_ngram_size": _Count | None,
        "num_beams": _AtLeastOne | None,
        "early_stopping": bool | Literal["never"] | None,
    },
    "tokenizer_config": {
        "padding_side": Literal["left", "right"],
        "use_fast": bool,
        "add_bos_token": bool,
        "add_eos_token": bool,
        "legacy": bool,
        "bos_token": str,
        "eos_token": str,
        "pad_token": str,
        "unk_token": str,
    },
}

_SECRET = "log in with `hf auth login` or set the environment variable HF_TOKEN, since the report shows params.yaml"

_RESERVED: dict[tuple[str, str], str] = {
    ("train", "output_dir"): "checkpoints go to unfinished/train, the adapter to models/adapter",
    ("train", "seed"): "the seed of everything is the top-level key 'seed'",
    ("train", "data_seed"): "the seed of everything is the top-level key 'seed'",
    ("train", "resume_from_checkpoint"): "a stage that was interrupted resumes by itself",
    ("train", "report_to"): "curves are written by DVCLive to metrics/curves",
    ("train", "model_init_kwargs"): "use the section 'model_config'",
    ("train", "push_to_hub"): "the stages only write local files",
    ("train", "chat_template_path"): "rows have the tokenizer's template: name one with another in 'tokenizer'",
    ("train", "assistant_only_loss"): (
        "rows are learnt by their last answer; completion_only_loss: false learns the rest too"
    ),
    ("model_config", "quantization_config"): "use the section 'quantization'",
    ("model_config", "token"): _SECRET,
    ("model_config", "use_auth_token"): _SECRET,
    ("tokenizer_config", "token"): _SECRET,
    ("tokenizer_config", "use_auth_token"): _SECRET,
    ("train", "hub_token"): _SECRET,
    ("lora", "layer_replication"): "copies of a layer have the same weights, into which only one adapter can be merged",
    ("lora", "peft_type"): "it follows from the section",
    ("prompt_tuning", "peft_type"): "it follows from the section",
}

_RENAMED: dict[tuple[str, str], str] = {
    ("train", "max_seq_length"): "max_length",
    ("train", "evaluation_strategy"): "eval_strategy",
    ("train", "warmup_ratio"): "warmup_steps (a fraction below 1 is a share of the steps)",
    ("train", "group_by_length"): "train_sampling_strategy: group_by_length",
    ("train", "tokenizer"): "the top-level key 'tokenizer'",
    ("model_config", "torch_dtype"): "dtype",
    ("model_config", "load_in_4bit"): "quantization.load_in_4bit",
    ("model_config", "load_in_8bit"): "quantization.load_in_8bit",
}

# What is wrong with each key of a section, to be read after its name.
REFUSED: dict[tuple[str, str], str] = {
    **{key: f"cannot be set: {reason}" for key, reason in _RESERVED.items()},
    **{key: f"is an old name: today it is {name}" for key, name in _RENAMED.items()},
}
