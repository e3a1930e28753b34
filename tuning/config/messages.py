"""What is wrong with a key or a value, in one sentence."""

import difflib
import math
import reprlib
from collections.abc import Iterable
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "a mapping of keys to values",
    "null": "null",
}
_STRICT = ConfigDict(strict=True, allow_inf_nan=False)
_LARGEST = 10**15  # no key counts so many of anything, and libraries cannot hold a number of any size
_LONGEST_VALUE = 80
_LONGEST_LIST = 200
_short = reprlib.Repr()
_short.maxlevel = 3
_short.maxstring = _short.maxother = _short.maxlong = 70


def shown(value: Any) -> str:
    """A value as a message shows it: on one line and not long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    try:
        text = _short.repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number of thousands of digits"
    return shortened(text)


def shortened(text: str, longest: int = _LONGEST_VALUE) -> str:
    """The text on one line, and not all of a long one."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


def wrong_value(name: str, kind: Any, value: Any) -> str | None:
    """What is wrong with a key's value; None if nothing is.

    Args:
        kind: type annotation of the allowed values, with pydantic's limits; ``Any`` where all are allowed.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return f"{name!r} must be a finite number, not {value}"
    adapter = TypeAdapter(kind, config=_STRICT)
    try:
        adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "value_error":
            return f"{name!r} {first['ctx']['error']}, not {shown(value)}"
        schema = adapter.json_schema()
        if isinstance(value, str) and (near := _near(value, _choices(schema))):
            return f"{name!r} cannot be {shown(value)}; did you mean {near!r}?"
        return f"{name!r} must be {_listed(_allowed(schema))}, not {shown(value)}"
    if isinstance(value, int) and abs(value) > _LARGEST:
        return f"{name!r} must be a whole number of at most {_LARGEST:,}, not {shown(value)}"
    return None


def unknown_key(prefix: str, key: Any, allowed: Iterable[str], elsewhere: Iterable[str]) -> str:
    """That there is no such key, and the one that was probably meant.

    Args:
        prefix: section with a point after it; empty for the top level.
        allowed: keys that this section has.
        elsewhere: full names of all keys that there are.
    """
    if not isinstance(key, str):
        place = f"in {prefix.removesuffix('.')!r}" if prefix else "at the top level"
        return f"the key {shown(key)} {place} must be text"
    near = _near(key, allowed)
    meant = prefix + near if near else next((name for name in elsewhere if name.endswith(f".{key}")), None)
    return f"unknown key {shown(prefix + key)}" + (f"; did you mean {meant!r}?" if meant else "")


def _near(name: str, allowed: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name[:_LONGEST_VALUE], list(allowed), n=1)), None)


def _choices(schema: dict[str, Any]) -> list[str]:
    """The strings among which a JSON schema lets one choose."""
    if "anyOf" in schema:
        return [choice for part in schema["anyOf"] for choice in _choices(part)]
    return schema.get("enum") or ([schema["const"]] if "const" in schema else [])


def _allowed(schema: dict[str, Any]) -> list[str]:
    """The kinds of values that a JSON schema allows, in words."""
    if "anyOf" in schema:
        return [words for part in schema["anyOf"] for words in _allowed(part)]
    if choices := _choices(schema):
        return choices
    if schema["type"] == "boolean":
        return ["true", "false"]
    if schema["type"] == "object" and isinstance(schema["additionalProperties"], dict):
        return [f"a mapping of text to {_listed(_allowed(schema['additionalProperties']))}"]
    if schema["type"] == "array" and "type" in schema["items"]:
        return [f"a list, each value of it {_listed(_allowed(schema['items']))}"]
    return [_WORDS[schema["type"]] + _limits(schema)]


def _limits(schema: dict[str, Any]) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']:n} to {schema['maximum']:n}"
    if "minimum" in schema and "exclusiveMaximum" in schema:
        return f" from {schema['minimum']:n} to below {schema['exclusiveMaximum']:n}"
    if "minimum" in schema:
        return f" of at least {schema['minimum']:n}"
    return f" above {schema['exclusiveMinimum']:n}" if "exclusiveMinimum" in schema else ""


def _listed(words: list[str]) -> str:
    """``a, b or c``; the first few of many."""
    if len(", ".join(words)) > _LONGEST_LIST:
        return f"one of {len(words)} values such as {', '.join(words[:5])}"
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
