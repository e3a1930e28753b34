"""params.yaml is checked as a whole, at once, and in words that help."""

import copy
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import ROOT
from tuning.config import checks, params
from tuning.config.own_keys import SECTIONS, TopLevel
from tuning.config.yaml_file import load

DEFAULT = load(ROOT / "params.yaml")
INSTRUCTIONS = DEFAULT["data"]["instructions"]
NAMES = [*checks.names_of_keys(), *TopLevel.model_fields, *SECTIONS]


def problems(section: str | None, changes: dict) -> list[str]:
    values = copy.deepcopy(DEFAULT)
    (values[section] if section else values).update(changes)
    return checks.check(values)


def test_the_default_is_right():
    assert checks.check(DEFAULT) == []


SERVED = {"engine": "openai", "base_url": "http://localhost/v1"}
COMMANDS = [  # that start a server
    (
        "generation",
        SERVED | {"serve": "vllm {model} {prt} {port}"},
        "{model}, {revision} and {port} only, but has {prt}",
    ),
    (
        "generation",
        SERVED | {"serve": "vllm {adapter} {port}"},
        "must fill in {model}, {revision} and {port} only, but",
    ),
    (
        "generation",
        SERVED | {"serve_adapter": "vllm {port} {}"},
        "{adapter}, {rank} and {port} only, but has {}",
    ),
    ("generation", SERVED | {"serve": "vllm {model}"}, "'generation.serve' must have {port}"),
    ("generation", SERVED | {"serve": "vllm {model} {port"}, "quotes and braces are closed (expected '}'"),
    ("generation", SERVED | {"serve": "vllm '{model} {port}"}, "quotes and braces are closed (no closing quotation)"),
    ("generation", SERVED | {"serve": 8000}, "'generation.serve' must be text or null, not 8000"),
    ("generation", {"serve": "vllm {model} {port}"}, "'generation.serve' starts a server, and none is asked: set"),
    ("generation", {"serve_adapter": "vllm {port}"}, "'generation.serve_adapter' starts a server, and none is asked"),
]


@pytest.mark.parametrize(
    ("section", "changes", "words"),
    [
        ("train", {"lerning_rate": 1.0}, ["train.lerning_rate", "did you mean 'train.learning_rate'"]),
        ("lora", {"rank": 3}, ["unknown key 'lora.rank'"]),
        ("lora", {"max_new_tokens": 3}, ["'generation.max_new_tokens'"]),
        (None, {"learning_rate": 1.0}, ["unknown key 'learning_rate'", "'train.learning_rate'"]),
        (None, {"modle": "x"}, ["did you mean 'model'"]),
        (None, {"model": None}, ["'model' must be text, not null"]),
        (None, {"seed": "x"}, ["'seed' must be a whole number"]),
        (None, {"train": [1]}, ["'train' must be a mapping"]),
        ("lora", {"r": "eight"}, ["'lora.r' must be a whole number of at least 1, not 'eight'"]),
        ("lora", {"r": True}, ["'lora.r' must be a whole number of at least 1, not true"]),
        ("lora", {"r": 0}, ["'lora.r' must be a whole number of at least 1, not 0"]),
        ("lora", {"bias": "some"}, ["'lora.bias' must be none, all or lora_only, not 'some'"]),
        ("lora", {"lora_alpha": 0}, ["'lora.lora_alpha' must be a whole number of at least 1, not 0"]),
        ("lora", {"lora_dropout": 1.0}, ["'lora.lora_dropout' must be a number from 0 to below 1, not 1.0"]),
        ("lora", {"target_modules": ["q_proj", 3]}, ["a list, each value of it text, text or null, not"]),
        ("lora", {"rank_pattern": {"q_proj": 0}}, ["a mapping of text to a whole number of at least 1 or null"]),
        ("lora", {"init_lora_weights": "eva"}, ["'lora.init_lora_weights' must be true, false, gaussian, olora"]),
        ("lora", {"layer_replication": [[0, 2]]}, ["'lora.layer_replication' cannot be set", "copies of a layer"]),
        ("lora", {"enabled": False}, ["no adapter is enabled", "prompt_tuning.enabled"]),
        ("train", {"optim": "adamw_8bi"}, ["did you mean 'adamw_8bit'"]),
        ("train", {"lr_scheduler_type": "cosin"}, ["did you mean 'cosine'"]),
        ("train", {"max_seq_length": 512}, ["old name", "max_length"]),
        ("train", {"evaluation_strategy": "steps"}, ["old name", "eval_strategy"]),
        ("train", {"output_dir": "x"}, ["cannot be set", "unfinished/train"]),
        ("train", {"chat_template_path": "x"}, ["cannot be set", "'tokenizer'"]),
        ("train", {"loss_type": "dft"}, ["'train.loss_type'", "set 'unlikelihood.answers' to 0"]),
        ("train", {"label_smoothing_factor": 0.1}, ["'train.label_smoothing_factor'", "'unlikelihood.answers' to 0"]),
        ("train", {"packing": True}, ["rows apart", "flash_attention_2"]),
        ("train", {"optim": "galore_adamw"}, ["needs the package 'galore_torch'"]),
        (None, {"full_finetuning": True}, ["'full_finetuning' trains all weights"]),
        ("data", {"over_length": "cut"}, ["'data.over_length' must be drop or truncate, not 'cut'"]),
        ("train", {"bf16": True, "fp16": True}, ["train.bf16", "train.fp16"]),
        ("train", {"max_length": 0}, ["'train.max_length' must be a whole number of at least 1 or null, not 0"]),
        (
            "train",
            {"per_device_train_batch_size": 0},
            ["'train.per_device_train_batch_size' must be a whole number of at least 1 or auto, not 0"],
        ),
        (
            "train",
            {"gradient_accumulation_steps": 0},
            ["'train.gradient_accumulation_steps' must be a whole number of at least 1"],
        ),
        ("train", {"learning_rate": -1.0}, ["'train.learning_rate' must be a number of at least 0 or auto, not -1"]),
        (
            "train",
            {"neftune_noise_alpha": -5},
            ["'train.neftune_noise_alpha' must be a number from 0 to 1e+06 or null, not -5"],
        ),
        (
            "train",
            {"pad_to_multiple_of": 0},
            ["'train.pad_to_multiple_of' must be a whole number of at least 1, auto or null, not 0"],
        ),
        ("train", {"pad_to_multiple_of": "x"}, ["'train.pad_to_multiple_of' must be", "auto or null, not 'x'"]),
        ("train", {"num_train_epochs": 0}, ["nothing is trained", "train.num_train_epochs"]),
        ("quantization", {"enabled": "maybe"}, ["'quantization.enabled' must be true, false or auto, not 'maybe'"]),
        ("quantization", {"enabled": True, "load_in_8bit": True}, ["either 'load_in_4bit' or 'load_in_8bit'"]),
        ("quantization", {"bnb_4bit_quant": "nf4"}, ["did you mean 'quantization.bnb_4bit_quant_type'"]),
        ("generation", {"max_new_tokens": "many"}, ["'generation.max_new_tokens' must be a whole number"]),
        ("generation", {"max_new_tokens": 0}, ["at least 1"]),
        ("generation", {"batch_size": 0}, ["at least 1"]),
        ("generation", {"batch_size": 4, "num_batches": 0}, ["at least 1 or null, not 0"]),
        ("generation", {"num_batches": 3}, ["'generation.batch_size' to a number"]),
        (
            "generation",
            {"batch_size": "all"},
            ["'generation.batch_size' must be a whole number of at least 1 or auto, not 'all'"],
        ),
        ("generation", {"engine": "vllm"}, ["'generation.engine' must be transformers or openai, not 'vllm'"]),
        ("generation", {"max_new_tokens": None}, ["'generation.max_new_tokens' is needed"]),
        ("generation", {"num_return_sequences": 2}, ["is not seen by DVC"]),
        ("model_config", {"torch_dtype": "auto"}, ["old name", "dtype"]),
        (
            "model_config",
            {"dtype": "bfloat17"},
            ["'model_config.dtype' cannot be 'bfloat17'", "did you mean 'bfloat16'"],
        ),
        (
            "model_config",
            {"dtype": "int8"},
            ["'model_config.dtype' must be auto, float32, bfloat16 or float16, not 'int8'"],
        ),
        (
            "model_config",
            {"dtype": None},
            ["'model_config.dtype' must be auto, float32, bfloat16 or float16, not null"],
        ),
        (
            "quantization",
            {"bnb_4bit_compute_dtype": "bf16"},
            ["'quantization.bnb_4bit_compute_dtype' cannot be 'bf16'"],
        ),
        ("tokenizer_config", {"padding_side": "lef"}, ["did you mean 'left'"]),
        ("data", {"num_val": -1}, ["at least 0, not -1"]),
        (
            "data",
            {"instructions": {**INSTRUCTIONS, "fraction": None}},
            ["'data.instructions.fraction' must be a number from 0 to 1, not null"],
        ),
        (
            "data",
            {"instructions": INSTRUCTIONS | {"types": [{"punctuation": "no_comma"}]}},
            ["'data.instructions.types' must be text or a list, each value of it text, not [{'punctuation'"],
        ),
        (
            "data",
            {"instructions": INSTRUCTIONS | {"types": 3}},
            ["'data.instructions.types' must be text or a list, each value of it text, not 3"],
        ),
        ("data", {"instructions": INSTRUCTIONS | {"fraction": 2}}, ["from 0 to 1, not 2"]),
        ("data", {"instructions": INSTRUCTIONS | {"short": 2}}, ["instructions.short' must be a number from 0 to 1"]),
        (
            "data",
            {"instructions": INSTRUCTIONS | {"max_words": 0}},
            ["max_words' must be a whole number of at least 1, auto or null, not 0"],
        ),
        (
            "data",
            {"instructions": INSTRUCTIONS | {"per_row": [0, 0]}},
            ["per_row' must have a weight above 0, not [0, 0]"],
        ),
        ("data", {"instructions": INSTRUCTIONS | {"variants": 0}}, ["at least 1, not 0"]),
        ("data", {"instructions": INSTRUCTIONS | {"per_row": [True]}}, ["a list, each value of it a number"]),
        ("data", {"columns": {"prompt": 3}}, ["'data.columns' must be a mapping of text to text or null"]),
        (None, {"seed": -1}, ["'seed' must be a whole number from 0 to 4294967295, not -1"]),
        (None, {"seed": 16**5000}, ["not a number of thousands of digits"]),
        (None, {"num_val": 3}, ["did you mean 'data.num_val'"]),
        (None, {3: 4}, ["the key 3 at the top level must be text"]),
        ("train", {None: 4}, ["the key null in 'train' must be text"]),
        ("data", {"instructions": INSTRUCTIONS | {(1, 2): 2}}, ["the key (1, 2) in 'data.instructions' must be text"]),
        ("generation", {"timeout": 0}, ["'generation.timeout' must be a number above 0, not 0"]),
        ("generation", {"timeout": -1}, ["'generation.timeout' must be a number above 0, not -1"]),
        *((*changes, [words]) for *changes, words in COMMANDS),
        ("train", {"learning_rate": math.nan}, ["'train.learning_rate' must be a finite number, not nan"]),
        ("train", {"learning_rate": math.inf}, ["'train.learning_rate' must be a finite number, not inf"]),
        ("train", {"learning_rate": "1e-4"}, ["a number of at least 0 or auto, not '1e-4'"]),
        ("train", {"max_steps": 1000.0}, ["'train.max_steps' must be a whole number, not 1000.0"]),
        ("train", {"optim": "x"}, ["'train.optim' must be one of", "values such as adamw_torch"]),
        ("train", {"hub_token": "hf_secret"}, ["cannot be set", "HF_TOKEN"]),
        ("model_config", {"token": "hf_secret"}, ["cannot be set", "hf auth login", "HF_TOKEN"]),
        ("tokenizer_config", {"token": "hf_secret"}, ["cannot be set", "hf auth login", "HF_TOKEN"]),
        ("data", {"instructions": INSTRUCTIONS | {"variant": 2}}, ["did you mean 'data.instructions.variants'"]),
    ],
)
def test_what_is_wrong_is_said(section, changes, words):
    found = problems(section, changes)
    assert len(found) == 1
    for word in words:
        assert word in found[0]
    assert "secret" not in found[0]


@pytest.mark.parametrize("multiple", [None, "auto", 1, 64])
def test_what_rows_may_be_padded_to(multiple):
    assert problems("train", {"pad_to_multiple_of": multiple}) == []


def test_all_problems_are_said_at_once():
    values = copy.deepcopy(DEFAULT)
    values["lora"]["rank"] = 3
    del values["seed"]
    assert len(checks.check(values)) == 2


def test_what_is_missing_is_said():
    values = copy.deepcopy(DEFAULT)
    del values["model"], values["lora"], values["data"]["num_val"], values["data"]["instructions"]["types"]
    names = ("model", "lora", "data.num_val", "data.instructions.types")
    assert sorted(checks.check(values)) == sorted(f"{name!r} is missing" for name in names)


@pytest.mark.parametrize("changes", [{"modules_to_save": ["norm"]}, {"bias": "all"}, {"trainable_token_indices": [1]}])
def test_what_would_be_lost_beside_prompt_tuning(changes):
    values = copy.deepcopy(DEFAULT)
    values["lora"].update(changes)
    assert checks.check(values) == []
    values["prompt_tuning"]["enabled"] = True
    assert f"'lora.{next(iter(changes))}' is lost beside prompt tuning" in checks.check(values)[0]


def test_the_best_of_two_adapters_cannot_be_loaded():
    values = copy.deepcopy(DEFAULT)
    values["train"]["load_best_model_at_end"] = True
    assert checks.check(values) == []
    values["prompt_tuning"]["enabled"] = True
    (said,) = checks.check(values)
    assert "'train.load_best_model_at_end' would load the best prompt beside LoRA's last weights" in said


def test_a_soft_prompt_needs_a_length():
    values = copy.deepcopy(DEFAULT)
    values["prompt_tuning"] = {"enabled": True}
    assert checks.check(values) == ["'prompt_tuning.num_virtual_tokens' is missing: it has no default"]


@pytest.mark.parametrize("name", ["model_config.device_map", "lora.target_modules"])
def test_a_huge_value_is_shown_in_short(name):
    huge = [1.0]
    for _ in range(100):
        huge = [huge] * 10
    section, key = name.split(".")
    assert all(len(problem) < 500 for problem in problems(section, {key: {"x": huge}}))
    assert len(problems(section, {"unknown" * 1000: huge})[0]) < 200


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["auto", 10**400])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(st.sampled_from(NAMES) | st.text(), VALUES)
def test_any_value_is_accepted_or_told_in_a_sentence(name, value):
    """Nothing is raised, and what the checks accept becomes parameters."""
    values = copy.deepcopy(DEFAULT)
    section, point, key = name.partition(".")
    if point and section in SECTIONS:
        values[section][key] = value
    else:
        values[name] = value
    before = repr(values)
    found = checks.check(values)
    assert all(len(problem) < 500 and "\n" not in problem for problem in found)
    assert repr(values) == before
    if not found:
        params.checked(values)


def test_a_password_in_an_address_is_refused_and_not_shown():
    (said,) = problems("generation", {"base_url": "http://me:secret@host/v1"})
    assert "OPENAI_API_KEY" in said
    assert "secret" not in said


def test_a_command_may_keep_braces_and_names_the_rank_only_of_lora():
    values = copy.deepcopy(DEFAULT)
    command = "vllm serve {model} --port {port} --max-lora-rank {rank} --config '{{\"level\": 0}}'"
    values["generation"].update(SERVED, serve_adapter=command)
    assert checks.check(values) == []
    values["lora"]["enabled"], values["prompt_tuning"]["enabled"] = False, True
    assert checks.check(values) == [
        "'generation.serve_adapter' has {rank}, the rank of LoRA, which 'lora.enabled' switches off"
    ]
