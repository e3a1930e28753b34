"""params.yaml, read and checked as a whole before anything costs time.

A section holds the keyword arguments of one Hugging Face class under that class's own names
(``tuning.config.huggingface_keys`` says which), beside a few keys of the project's own, listed here.
"""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tuning.config import declared, huggingface_keys, rules
from tuning.config.huggingface_keys import Key
from tuning.core.errors import UserError

PATH = Path("params.yaml")

_NULL = type(None)
_TEXT, _WHOLE, _SWITCH = Key(frozenset({str})), Key(frozenset({int})), Key(frozenset({bool}))

# The project's own keys; "" is the top level.
OWN: dict[str, dict[str, Key]] = {
    "": {
        "model": _TEXT,
        "tokenizer": Key(frozenset({str, _NULL})),
        "dataset": Key(frozenset({str, list})),
        "seed": _WHOLE,
        "launch": Key(frozenset({str, _NULL})),
        "full_finetuning": _SWITCH,
    },
    "data": {
        "num_val": _WHOLE,
        "columns": Key(frozenset({dict, _NULL})),
        "over_length": Key(frozenset({str}), ("drop", "truncate")),
        "decontaminate": _SWITCH,
        "self_distill": _SWITCH,
        "instructions": Key(frozenset({dict})),
    },
    "ifeval": {"prompts": _TEXT},
    "model_config": {},
    # Arguments of tokenizer classes that no common signature lists.
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
    "quantization": {"enabled": Key(frozenset({bool, str}), ("auto",))},
    "lora": {"enabled": _SWITCH},
    "prompt_tuning": {"enabled": _SWITCH},
    "train": {},
    "resources": {"strict": _SWITCH},
    "generation": {
        "engine": Key(frozenset({str}), ("transformers", "openai")),
        "base_url": _TEXT,
        "base_model": Key(frozenset({str, _NULL})),
        "tuned_model": _TEXT,
        "concurrency": _WHOLE,
        "timeout": Key(frozenset({int, float})),
        "batch_size": Key(frozenset({int, str}), ("auto",)),
        "num_batches": Key(frozenset({int, _NULL})),
        "system_prompt": Key(frozenset({str, _NULL})),
    },
}

# Keys of the classes whose annotations leave open what they take.
_NARROWED: dict[str, dict[str, Key]] = {
    "model_config": {"dtype": Key(frozenset({str}), ("auto", "float32", "bfloat16", "float16"))},
    "quantization": {"bnb_4bit_compute_dtype": Key(frozenset({str}), ("float32", "bfloat16", "float16"))},
    "train": {"pad_to_multiple_of": Key(frozenset({int, str, _NULL}), ("auto",))},
}

# The keys of data.instructions.
INSTRUCTIONS: dict[str, Key] = {
    "fraction": Key(frozenset({int, float})),
    "variants": _WHOLE,
    "per_row": Key(frozenset({list})),
    "types": Key(frozenset({str, list})),
    "max_words": Key(frozenset({int, _NULL})),
    "short": Key(frozenset({int, float})),
    "keep_untouched": _SWITCH,
}

_RESERVED = {
    ("train", "output_dir"): "checkpoints go to unfinished/train, the adapter to models/adapter",
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

_RENAMED = {
    ("train", "max_seq_length"): "max_length",
    ("train", "evaluation_strategy"): "eval_strategy",
    ("train", "warmup_ratio"): "warmup_steps (a fraction below 1 is a share of the steps)",
    ("train", "group_by_length"): "train_sampling_strategy: group_by_length",
    ("train", "tokenizer"): "the top-level key 'tokenizer'",
    ("model_config", "torch_dtype"): "dtype",
    ("model_config", "load_in_4bit"): "quantization.load_in_4bit",
    ("model_config", "load_in_8bit"): "quantization.load_in_8bit",
}


def read_params(*names: str) -> dict[str, Any]:
    """The values of the named keys of params.yaml in the working directory.

    Args:
        names: top-level keys or sections, or ``section.key``; exactly what the stage declares under
            ``params`` in dvc.yaml.

    Returns:
        for a section its mapping, under its name; for ``section.key`` the value, under that whole name.

    Raises:
        UserError: the file is missing or is not YAML, or anything in it is wrong, in these keys or in
            others; all problems are listed in one message.
    """
    values = load(PATH)
    problems = check(values)
    if problems:
        raise UserError(f"{PATH}: " + "\n       ".join(problems))
    return {name: _get(values, name) for name in names}


def load(path: Path) -> dict[str, Any]:
    """The parsed YAML file.

    Raises:
        UserError: it is missing, or is not a YAML mapping.
    """
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is not here: run from the project's top folder") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} must be a mapping of keys to values")
    return values


def check(values: dict[str, Any]) -> list[str]:
    """All that is wrong with the values, a sentence each; numbers written as 1e-4 are turned into floats."""
    sections = {name for name in OWN if name}
    problems = []
    for name in [*OWN[""], *sorted(sections)]:
        if name not in values:
            problems.append(f"{name!r} is missing")
    for name, value in values.items():
        if name in sections:
            problems += _check_section(name, value)
        elif name in OWN[""]:
            problems += _check_value(name, value, OWN[""][name])
        else:
            problems.append(f"unknown key {name!r}{_nearest(name, [*OWN[''], *sections])}")
    return problems or rules.find(values)


def _check_section(section: str, values: Any) -> list[str]:
    if not isinstance(values, dict):
        return [f"{section!r} must be a mapping of keys to values, not {values!r}"]
    given = huggingface_keys.keys(section) if section in huggingface_keys.SOURCES else {}
    allowed = {**given, **_NARROWED.get(section, {}), **OWN[section]}
    required = () if section == "tokenizer_config" else OWN[section]
    problems = [f"'{section}.{key}' is missing" for key in required if key not in values]
    for key, value in values.items():
        name = f"{section}.{key}"
        if (section, key) in _RENAMED:
            problems.append(f"{name!r} is an old name: today it is {_RENAMED[section, key]}")
        elif (section, key) in _RESERVED:
            problems.append(f"{name!r} cannot be set: {_RESERVED[section, key]}")
        elif key not in allowed:
            problems.append(f"unknown key {name!r}{_nearest(key, allowed, section + '.')}")
        elif key not in OWN[section] and (problem := declared.undeclared_problem(section, key)):
            problems.append(problem)
        else:
            values[key] = value = _number(value, allowed[key])
            problems += _check_value(name, value, allowed[key])
    if section == "data" and isinstance(values.get("instructions"), dict):
        problems += _check_instructions(values["instructions"])
    return problems


def _check_instructions(values: dict[str, Any]) -> list[str]:
    section = "data.instructions"
    problems = [f"'{section}.{key}' is missing" for key in INSTRUCTIONS if key not in values]
    for key, value in values.items():
        if key not in INSTRUCTIONS:
            problems.append(f"unknown key '{section}.{key}'{_nearest(key, INSTRUCTIONS, section + '.')}")
        else:
            problems += _check_value(f"{section}.{key}", value, INSTRUCTIONS[key])
    return problems


def _check_value(name: str, value: Any, key: Key) -> list[str]:
    if not key.types or _is_a(value, key.types):
        if isinstance(value, str) and key.choices and value not in key.choices:
            whole = " or a whole number" if int in key.types else ""
            hint = _nearest(value, key.choices) or f": one of {', '.join(key.choices)}{whole}"
            return [f"{name!r} cannot be {value!r}{hint}"]
        return []
    kinds = " or ".join(sorted({"null" if kind is _NULL else kind.__name__ for kind in key.types}))
    return [f"{name!r} must be {kinds}, not {value!r}"]


def _is_a(value: Any, types: frozenset[type]) -> bool:
    if isinstance(value, bool):
        return bool in types
    if isinstance(value, int):
        return int in types or float in types
    return type(value) in types


def _number(value: Any, key: Key) -> Any:
    """YAML reads 1e-4 as a string; where only a number makes sense, it is one."""
    if isinstance(value, str) and float in key.types and str not in key.types:
        try:
            return float(value)
        except ValueError:
            return value
    if isinstance(value, float) and value.is_integer() and int in key.types and float not in key.types:
        return int(value)
    return value


def _nearest(name: str, allowed: Iterable[str], prefix: str = "") -> str:
    """The nearest allowed name, or the section in which exactly this name belongs."""
    near = difflib.get_close_matches(str(name), list(allowed), n=1)
    if near:
        return f"; did you mean {prefix + near[0]!r}?"
    elsewhere = [f"{section}.{name}" for section in huggingface_keys.SOURCES if name in huggingface_keys.keys(section)]
    return f"; did you mean {elsewhere[0]!r}?" if elsewhere else ""


def _get(values: dict[str, Any], name: str) -> Any:
    section, _, key = name.partition(".")
    return values[section][key] if key else values[section]
