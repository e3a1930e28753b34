"""Numbers of the libraries' keys that are too small or too large are refused before anything is loaded."""

import copy

import pytest

from tests.tuning.config.test_checks import DEFAULT, problems
from tuning.config import checks

OUT_OF_RANGE = {
    "lora": {"lora_alpha": (0, -1), "lora_dropout": (-0.1, 1.5)},
    "train": {
        "weight_decay": (-1,),
        "max_grad_norm": (-0.5,),
        "warmup_steps": (-1,),
        "adam_beta1": (-1, 1, 1.5),
        "adam_beta2": (-1, 1.0),
        "adam_epsilon": (-1e-8,),
        "label_smoothing_factor": (-0.5, 1e308),
        "router_aux_loss_coef": (-1,),
        "neftune_noise_alpha": (1e308,),
        "logging_steps": (0, -1),
        "save_steps": (0, -0.5),
        "eval_steps": (0, -1),
        "eval_delay": (-1,),
        "eval_accumulation_steps": (0,),
        "save_total_limit": (0, -1),
        "dataloader_num_workers": (-1, 100_000),  # that many processes would be started
        "dataloader_prefetch_factor": (0,),
        "dataset_num_proc": (0, 100_000),
        "per_device_train_batch_size": (10**16, 10**400),
    },
    "quantization": {"llm_int8_threshold": (-1,)},
    "generation": {
        "temperature": (-1,),
        "top_k": (-2, 1.5),
        "top_p": (-1, 2),
        "min_p": (-1, 2),
        "typical_p": (-1, 2),
        "repetition_penalty": (0, -1),
        "no_repeat_ngram_size": (-1,),
        "num_beams": (0, -1),
        "min_new_tokens": (-1,),
        "early_stopping": ("sometimes",),
        "batch_size": (10**400,),
        "concurrency": (10**400,),
    },
    "data": {"num_val": (10**19,)},
}
# What the libraries' own documentation and recipes have.
USUAL = {
    "lora": {
        "lora_alpha": (1, 256),
        "lora_dropout": (0, 0.5),
        "target_modules": ("all-linear", ["q_proj"], None),
        "exclude_modules": ("lm_head", ["lm_head"], None),
        "modules_to_save": (["embed_tokens", "lm_head"], None),
        "layers_to_transform": (0, [0, 1], None),
        "rank_pattern": ({"q_proj": 8}, {}, None),
        "alpha_pattern": ({"q_proj": 8}, {}, None),
        "init_lora_weights": (True, False, "gaussian", "olora", "pissa", "orthogonal"),
    },
    "train": {
        "weight_decay": (0, 0.1),
        "max_grad_norm": (0, 1),
        "warmup_steps": (0, 0.03, 100),
        "adam_beta1": (0, 0.9),
        "adam_beta2": (0.95, 0.999),
        "adam_epsilon": (0, 1e-8),
        "label_smoothing_factor": (0, 0.1),
        "neftune_noise_alpha": (5, None),
        "logging_steps": (0.1, 1),
        "save_steps": (0.25, 500),
        "eval_steps": (0.25, 500, None),
        "eval_accumulation_steps": (1, None),
        "save_total_limit": (1, None),
        "dataloader_num_workers": (0, 8),
        "dataset_num_proc": (1, None),
    },
    "quantization": {"llm_int8_threshold": (0, 6.0)},
    "generation": {
        "temperature": (0, 0.7, 1, 2, None),
        "top_k": (-1, 0, 50, None),
        "top_p": (0.9, 1, None),
        "min_p": (0, 0.05, None),
        "typical_p": (0.95, 1, None),
        "repetition_penalty": (0.9, 1, 1.2, None),
        "no_repeat_ngram_size": (0, 3, None),
        "num_beams": (1, 4, None),
        "min_new_tokens": (0, 1, None),
        "early_stopping": (True, False, "never", None),
    },
}


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [(section, key, value) for section, keys in USUAL.items() for key in keys for value in keys[key]],
)
def test_usual_values_are_not_refused(section, key, value):
    values = copy.deepcopy(DEFAULT)
    values["unlikelihood"]["answers"] = 0  # beside which labels are not smoothed
    values[section][key] = value
    assert [said for said in checks.check(values) if f"'{section}.{key}'" in said] == []


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [(section, key, value) for section, keys in OUT_OF_RANGE.items() for key in keys for value in keys[key]],
)
def test_numbers_that_a_library_would_refuse_late_or_take_for_something_else(section, key, value):
    (said,) = problems(section, {key: value})
    assert said.startswith(f"'{section}.{key}' must be ")


@pytest.mark.parametrize("value", [True, False])
def test_what_is_learnt_of_a_row_is_said_by_one_key(value):
    (said,) = problems("train", {"assistant_only_loss": value})
    assert said.startswith("'train.assistant_only_loss' cannot be set: rows are learnt by their last answer")
    assert said.endswith("completion_only_loss: false learns the rest too")


@pytest.mark.parametrize(("key", "value"), [("temperature", 0.0), ("typical_p", 0), ("top_k", -1)])
def test_what_only_servers_take_for_no_sampling(key, value):
    assert problems("generation", {key: value}) == []
    assert problems("generation", {key: value, "do_sample": True, "engine": "openai"}) == []
    (said,) = problems("generation", {key: value, "do_sample": True})
    assert said.startswith(f"'generation.{key}' must be above 0, or null, where 'generation.do_sample' is true, not ")
