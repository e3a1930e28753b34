"""Every value of params.yaml, checked before anything costs time; what is wrong is said in a sentence each."""

import difflib
import types
from collections.abc import Iterable
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from tuning.config import huggingface_keys, rules
from tuning.config.huggingface_keys import Key
from tuning.config.own_keys import SECTIONS, Section, TopLevel
from tuning.config.refused_keys import NARROWED, RENAMED, RESERVED

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping of keys to values",
    type(None): "null",
}


def check(values: dict[str, Any]) -> list[str]:
    """All that is wrong with the values, a sentence each; numbers written as 1e-4 are turned into floats."""
    top = {name: value for name, value in values.items() if name in TopLevel.model_fields}
    problems = _own_problems("", TopLevel, top)
    problems += [f"{name!r} is missing" for name in SECTIONS if name not in values]
    for name, value in values.items():
        if name in SECTIONS:
            problems += _section_problems(name, value)
        elif name not in TopLevel.model_fields:
            problems.append(f"unknown key {name!r}{_nearest(name, [*TopLevel.model_fields, *SECTIONS])}")
    return problems or rules.broken(values)


def _section_problems(section: str, values: Any) -> list[str]:
    if not isinstance(values, dict):
        return [f"{section!r} must be a mapping of keys to values, not {values!r}"]
    own, problems = SECTIONS[section].model_fields, []
    allowed = {**(huggingface_keys.keys(section) if section in huggingface_keys.SOURCES else {})}
    allowed |= NARROWED.get(section, {})
    for key, value in values.items():
        name = f"{section}.{key}"
        if (section, key) in RENAMED:
            problems.append(f"{name!r} is an old name: today it is {RENAMED[section, key]}")
        elif (section, key) in RESERVED:
            problems.append(f"{name!r} cannot be set: {RESERVED[section, key]}")
        elif key in allowed and key not in own:
            values[key] = value = _number(value, allowed[key])
            problems += _value_problems(name, value, allowed[key])
        elif key not in own:
            problems.append(f"unknown key {name!r}{_nearest(key, [*own, *allowed], section + '.')}")
    return problems + _own_problems(
        section + ".", SECTIONS[section], {key: values[key] for key in own if key in values}
    )


def _own_problems(prefix: str, section: type[Section], values: dict[str, Any]) -> list[str]:
    """What pydantic finds wrong with the project's own keys of a section, one sentence a key."""
    try:
        section.model_validate(values)
    except ValidationError as error:
        found: dict[str, list] = {}
        for each in error.errors():
            field, depth, owner = str(each["loc"][0]), 1, section
            while (
                isinstance(kind := getattr(owner.model_fields.get(field), "annotation", None), type)
                and issubclass(kind, Section)
                and len(each["loc"]) > depth
            ):
                owner, field, depth = kind, str(each["loc"][depth]), depth + 1
            name = prefix + ".".join(map(str, each["loc"][:depth]))
            found.setdefault(name, []).append((owner, field, each))
        return [_sentence(name, *_telling(errors)) for name, errors in found.items()]
    return []


def _telling(errors: list) -> tuple:
    """Of the errors about one key, one for each kind of value that it takes, the one that says most."""
    order = ("value_error", "greater_than", "greater_than_equal", "less_than_equal")
    return next((error for kind in order for error in errors if error[2]["type"] == kind), errors[0])


def _sentence(name: str, section: type[Section], field: str, error: dict[str, Any]) -> str:
    value, limits = error["input"], error.get("ctx", {})
    section_name = name.removesuffix(field)
    if error["type"] == "missing":
        return f"{name!r} is missing"
    if error["type"] == "extra_forbidden":
        return f"unknown key {name!r}{_nearest(field, section.model_fields, section_name)}"
    if error["type"] == "value_error":
        return f"{name!r} {limits['error']}, not {value!r}"
    if error["type"] in ("greater_than_equal", "less_than_equal", "greater_than"):
        bound = {"ge": "at least", "le": "at most", "gt": "more than"}
        [(kind, number)] = limits.items()
        return f"{name!r} must be {bound[kind]} {number:g}, not {value}"
    key = _key(section.model_fields[field].annotation)
    return (_value_problems(name, value, key) or [f"{name!r} cannot be {value!r}: {error['msg']}"])[0]


def _key(annotation: Any) -> Key:
    """The plain types and the choices that an annotation of an own key allows."""
    kinds, choices = set(), []
    for part in get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else [annotation]:
        part = part if get_origin(part) is Literal else (get_args(part) or [part])[0]
        if get_origin(part) is Literal:
            choices += get_args(part)
            kinds.add(str)
        else:
            kinds.add(part if part in _WORDS else dict)
    return Key(frozenset(kinds), tuple(choices))


def _value_problems(name: str, value: Any, key: Key) -> list[str]:
    if not key.types or _is_a(value, key.types):
        if isinstance(value, str) and key.choices and value not in key.choices:
            whole = " or a whole number" if int in key.types else ""
            hint = _nearest(value, key.choices) or f": one of {', '.join(key.choices)}{whole}"
            return [f"{name!r} cannot be {value!r}{hint}"]
        return []
    kinds = " or ".join(words for kind, words in _WORDS.items() if kind in key.types)
    return [f"{name!r} must be {kinds}, not {value!r}"]


def _is_a(value: Any, kinds: frozenset[type]) -> bool:
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, int):
        return int in kinds or float in kinds
    return type(value) in kinds


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
    sections = huggingface_keys.SOURCES
    elsewhere = [f"{section}.{name}" for section in sections if name in huggingface_keys.keys(section)]
    return f"; did you mean {elsewhere[0]!r}?" if elsewhere else ""
