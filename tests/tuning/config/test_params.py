"""params.yaml is checked as a whole, at once, and in words that help."""

import copy
import subprocess
import sys

import pytest

from tests.tiny import ROOT
from tuning.config import huggingface_keys, params
from tuning.core.errors import UserError

DEFAULT = params.load(ROOT / "params.yaml")
INSTRUCTIONS = DEFAULT["data"]["instructions"]


def problems(section: str | None = None, **changes) -> list[str]:
    values = copy.deepcopy(DEFAULT)
    (values[section] if section else values).update(changes)
    return params.check(values)


def test_the_default_is_right():
    assert params.check(copy.deepcopy(DEFAULT)) == []


@pytest.mark.parametrize(
    ("section", "changes", "words"),
    [
        ("train", {"lerning_rate": 1.0}, ["train.lerning_rate", "did you mean 'train.learning_rate'"]),
        ("lora", {"rank": 3}, ["unknown key 'lora.rank'"]),
        ("lora", {"max_new_tokens": 3}, ["'generation.max_new_tokens'"]),
        (None, {"learning_rate": 1.0}, ["unknown key 'learning_rate'", "'train.learning_rate'"]),
        (None, {"modle": "x"}, ["did you mean 'model'"]),
        (None, {"model": None}, ["'model' must be str, not None"]),
        (None, {"seed": "x"}, ["'seed' must be int"]),
        (None, {"train": [1]}, ["'train' must be a mapping"]),
        ("lora", {"r": "eight"}, ["'lora.r' must be int, not 'eight'"]),
        ("lora", {"r": True}, ["'lora.r' must be int, not True"]),
        ("lora", {"r": 0}, ["'lora.r' must be at least 1"]),
        ("lora", {"bias": "some"}, ["'lora.bias' cannot be 'some'", "lora_only"]),
        ("lora", {"enabled": False}, ["no adapter is enabled", "prompt_tuning.enabled"]),
        ("train", {"optim": "adamw_8bi"}, ["did you mean 'adamw_8bit'"]),
        ("train", {"lr_scheduler_type": "cosin"}, ["did you mean 'cosine'"]),
        ("train", {"max_seq_length": 512}, ["old name", "max_length"]),
        ("train", {"evaluation_strategy": "steps"}, ["old name", "eval_strategy"]),
        ("train", {"output_dir": "x"}, ["cannot be set", "unfinished/train"]),
        ("train", {"packing": True}, ["rows apart", "flash_attention_2"]),
        ("train", {"optim": "galore_adamw"}, ["needs the package 'galore_torch'"]),
        (None, {"full_finetuning": True}, ["'full_finetuning' trains all weights"]),
        ("data", {"over_length": "cut"}, ["'data.over_length' cannot be 'cut'"]),
        ("train", {"bf16": True, "fp16": True}, ["train.bf16", "train.fp16"]),
        ("train", {"max_length": 0}, ["'train.max_length' must be at least 1, not 0"]),
        ("train", {"per_device_train_batch_size": 0}, ["'train.per_device_train_batch_size' must be at least 1"]),
        ("train", {"gradient_accumulation_steps": 0}, ["'train.gradient_accumulation_steps' must be at least 1"]),
        ("train", {"learning_rate": -1.0}, ["'train.learning_rate' must be at least 0"]),
        ("train", {"neftune_noise_alpha": -5}, ["'train.neftune_noise_alpha' must be at least 0, not -5"]),
        ("train", {"pad_to_multiple_of": 0}, ["'train.pad_to_multiple_of' must be at least 1, not 0"]),
        ("train", {"pad_to_multiple_of": "x"}, ["'train.pad_to_multiple_of' cannot be 'x'", "auto or a whole number"]),
        ("train", {"num_train_epochs": 0}, ["nothing is trained", "train.num_train_epochs"]),
        ("quantization", {"enabled": "maybe"}, ["'quantization.enabled' cannot be 'maybe'"]),
        ("quantization", {"enabled": True, "load_in_8bit": True}, ["either 'load_in_4bit' or 'load_in_8bit'"]),
        ("quantization", {"bnb_4bit_quant": "nf4"}, ["did you mean 'quantization.bnb_4bit_quant_type'"]),
        ("generation", {"max_new_tokens": "many"}, ["'generation.max_new_tokens' must be int"]),
        ("generation", {"max_new_tokens": 0}, ["at least 1"]),
        ("generation", {"batch_size": 0}, ["at least 1"]),
        ("generation", {"batch_size": 4, "num_batches": 0}, ["at least 1, not 0"]),
        ("generation", {"num_batches": 3}, ["'generation.batch_size' to a number"]),
        (
            "generation",
            {"batch_size": "all"},
            ["'generation.batch_size' cannot be 'all'", "one of auto or a whole number"],
        ),
        ("generation", {"engine": "vllm"}, ["'generation.engine' cannot be 'vllm'"]),
        ("generation", {"max_new_tokens": None}, ["'generation.max_new_tokens' is needed"]),
        ("generation", {"num_return_sequences": 2}, ["one response"]),
        ("model_config", {"torch_dtype": "auto"}, ["old name", "dtype"]),
        (
            "model_config",
            {"dtype": "bfloat17"},
            ["'model_config.dtype' cannot be 'bfloat17'", "did you mean 'bfloat16'"],
        ),
        ("model_config", {"dtype": "int8"}, ["'model_config.dtype' cannot be 'int8'"]),
        ("model_config", {"dtype": None}, ["'model_config.dtype' must be str, not None"]),
        (
            "quantization",
            {"bnb_4bit_compute_dtype": "bf16"},
            ["'quantization.bnb_4bit_compute_dtype' cannot be 'bf16'"],
        ),
        ("tokenizer_config", {"padding_side": "lef"}, ["did you mean 'left'"]),
        ("data", {"num_val": -1}, ["at least 0, not -1"]),
        ("data", {"instructions": {**INSTRUCTIONS, "fraction": None}}, ["'data.instructions.fraction' must be float"]),
        (
            "data",
            {"instructions": INSTRUCTIONS | {"types": 3}},
            ["'data.instructions.types' must be list or str, not 3"],
        ),
        ("data", {"instructions": INSTRUCTIONS | {"fraction": 2}}, ["from 0 to 1, not 2"]),
        ("data", {"instructions": INSTRUCTIONS | {"short": 2}}, ["instructions.short' must be from 0 to 1"]),
        ("data", {"instructions": INSTRUCTIONS | {"max_words": 0}}, ["max_words' must be at least 1, not 0"]),
        ("data", {"instructions": INSTRUCTIONS | {"per_row": [0, 0]}}, ["must be weights"]),
        ("data", {"instructions": INSTRUCTIONS | {"variants": 0}}, ["at least 1, not 0"]),
        ("data", {"instructions": INSTRUCTIONS | {"variant": 2}}, ["did you mean 'data.instructions.variants'"]),
    ],
)
def test_what_is_wrong_is_said(section, changes, words):
    found = problems(section, **changes)
    assert len(found) == 1
    for word in words:
        assert word in found[0]


@pytest.mark.parametrize("multiple", [None, "auto", 1, 64])
def test_what_rows_may_be_padded_to(multiple):
    assert problems("train", pad_to_multiple_of=multiple) == []


def test_all_problems_are_said_at_once():
    values = copy.deepcopy(DEFAULT)
    values["lora"]["rank"] = 3
    del values["seed"]
    assert len(params.check(values)) == 2


def test_numbers_that_yaml_reads_as_strings():
    values = copy.deepcopy(DEFAULT)
    values["train"]["learning_rate"] = "1e-4"
    assert params.check(values) == []
    assert values["train"]["learning_rate"] == 1e-4


def test_only_what_is_asked_for_is_given(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert set(params.read_params("lora", "ifeval.prompts")) == {"lora", "ifeval.prompts"}


def test_a_missing_or_broken_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="top folder"):
        params.read_params("model")
    (tmp_path / "params.yaml").write_text("model: [")
    with pytest.raises(UserError, match=r"not valid YAML.*line 1"):
        params.read_params("model")


@pytest.mark.parametrize("section", huggingface_keys.SOURCES)
def test_schema_knows_the_class_as_it_is_installed(section):
    """The keys read from source are those that the imported class takes."""
    import dataclasses

    import peft
    import transformers
    import trl

    classes = {"train": trl.SFTConfig, "lora": peft.LoraConfig, "prompt_tuning": peft.PromptTuningConfig}
    keys = huggingface_keys.keys(section)
    if section in classes:
        fields = dataclasses.fields(classes[section])
        assert {field.name for field in fields if field.init} <= set(keys) <= {field.name for field in fields}
    elif section == "generation":
        attributes = {name for name in vars(transformers.GenerationConfig()) if not name.startswith("_")}
        assert attributes - set(keys) <= {"transformers_version"}
    else:
        assert len(keys) > 5


def test_an_error_comes_before_torch_is_imported(tmp_path):
    """A wrong key ends a stage with one line and without the heavy imports."""
    (tmp_path / "params.yaml").write_text("model: x\n")
    code = (
        "import sys; sys.argv = ['train']; import stages.train as t\n"
        "from tuning.core.errors import UserError\n"
        "try:\n    t.main()\nexcept UserError as error:\n    print(error)\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "'dataset' is missing" in done.stdout, done.stderr
    assert done.stdout.strip().endswith("False False")
