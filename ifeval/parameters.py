"""The keyword arguments of an instruction, checked once, when the instruction is built."""

import difflib
import math
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

RELATIONS = ("less than", "at least")
LONGEST_PATTERN = 100_000  # characters; one of millions takes minutes to be read


class InstructionError(ValueError):
    """An unknown instruction id, or kwargs that it cannot take; the message names both."""


class PatternError(ValueError):
    """A pattern that is no valid regular expression; the message says why, in one line."""


@dataclass(frozen=True)
class Parameter:
    """One keyword argument of an instruction.

    Attributes:
        convert: returns the value to use, or raises ValueError with the reason it cannot be used.
        kind: what the value is, in words, for listings and messages.
        example: a value that is accepted.
    """

    convert: Callable[[Any], Any]
    kind: str
    example: Any


def integer(example: int, minimum: int = 0) -> Parameter:
    """A whole number of at least ``minimum``; 3.0 is taken as 3, since data frames write it so."""

    def convert(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("must be a whole number")
        if value < minimum:
            raise ValueError(f"must be at least {minimum}")
        return value

    return Parameter(convert, f"int >= {minimum}", example)


def text(example: str) -> Parameter:
    """A string with something other than white space in it."""
    return Parameter(_text, "str", example)


def texts(example: list[str]) -> Parameter:
    """A list of one or more such strings."""

    def convert(value: Any) -> list[str]:
        if not isinstance(value, (list, tuple)) or not value:
            raise ValueError("must be a list of one or more strings")
        return [_text(item) for item in value]

    return Parameter(convert, "list[str]", example)


def pattern(example: str, used: Callable[[str], str] = str.strip) -> Parameter:
    """A string that the official scorer strips of white space and puts into a regular expression.

    Args:
        used: makes of it the very pattern that is searched for, which may be invalid where the string is valid.
    """
    return Parameter(lambda value: _pattern(value, used, _text(value).strip()), "str", example)


def patterns(example: list[str]) -> Parameter:
    """A list of one or more strings that the official scorer puts into regular expressions as they are."""
    many = texts(example)
    return Parameter(lambda value: [_pattern(item, str, item) for item in many.convert(value)], many.kind, example)


def relation() -> Parameter:
    """``less than`` (strictly fewer) or ``at least``."""
    return choice(RELATIONS, "at least")


def choice(allowed: tuple[str, ...], example: str) -> Parameter:
    """One of a few strings."""

    def convert(value: Any) -> str:
        if value not in allowed:
            near = difflib.get_close_matches(str(value)[:100], allowed, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"must be one of {', '.join(map(repr, allowed))}{hint}")
        return value

    kind = " | ".join(map(repr, allowed)) if len(allowed) < 5 else f"one of {len(allowed)} codes"
    return Parameter(convert, kind, example)


def character(example: str) -> Parameter:
    """A single character."""

    def convert(value: Any) -> str:
        if not isinstance(value, str) or len(value.strip()) != 1:
            raise ValueError("must be a single character")
        return value.strip()

    return Parameter(convert, "one character", example)


def convert_all(instruction_id: str, parameters: dict[str, Parameter], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The values to use for ``kwargs``, without nulls and NaN (copies of the data pad rows with them).

    Raises:
        InstructionError: a key is unknown or missing, or its value cannot be used.
    """
    given = {key: value for key, value in kwargs.items() if not is_padding(value)}
    for key in given:
        if key not in parameters:
            takes = ", ".join(parameters) or "no kwargs"
            raise InstructionError(f"{instruction_id}: unknown key {shown(key)}; it takes {takes}")
    converted = {}
    for key, parameter in parameters.items():
        if key not in given:
            raise InstructionError(f"{instruction_id}: {key!r} is missing ({parameter.kind})")
        try:
            converted[key] = parameter.convert(given[key])
        except ValueError as error:
            raise InstructionError(f"{instruction_id}: {key!r} {error}, not {shown(given[key])}") from None
    return converted


def is_padding(value: Any) -> bool:
    """Whether a value only stands for none: null, or the NaN that data frames write for it."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, and not all of a long one."""
    try:
        return _cut(repr(value))
    except (RecursionError, ValueError):  # lists in lists, and numbers of thousands of digits
        return f"a value of type {type(value).__name__} that is too large to show"


def one_line(words: Any, most: int = 200) -> str:
    """What a library says, or a path, as a message holds it: line breaks are escaped, a long one is cut."""
    return _cut("".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in str(words)[: most + 1]), most)


def listed(names: Iterable[Any], most: int = 8) -> str:
    """The first of some names, such as a row's, as a message lists them."""
    first = [name if str(name).isprintable() and len(str(name)) <= 40 else shown(name) for name in names]
    return ", ".join([*map(str, first[:most]), *(["..."] if len(first) > most else [])])


def _cut(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def compiled(pattern: str, flags: int = 0) -> "re.Pattern[str]":
    """The pattern, without the warnings about what later versions of Python may take it for.

    Raises:
        PatternError: it is not a valid one.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(pattern, flags)
    except (re.error, ValueError, OverflowError, RecursionError) as error:  # ValueError: flags that exclude each other
        raise PatternError(one_line(error)) from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def _pattern(value: Any, used: Callable[[str], str], literal: str) -> str:
    """The pattern; ``literal`` is the text for which it stands where no sign of it is a special one."""
    if len(_text(value)) > LONGEST_PATTERN:
        raise ValueError(f"must have at most {LONGEST_PATTERN:,} characters, since it is a regular expression")
    pattern = value
    try:
        compiled(pattern)
        scoped = _scoped(value)
        for pattern in (scoped, used(scoped)):
            compiled(pattern)
    except PatternError as error:
        where = "" if pattern == value else f" in {shown(pattern)}"
        raise ValueError(
            f"is used as a regular expression and is not a valid one ({error}{where}; "
            f"write {shown(re.escape(literal))} to mean the text itself)"
        ) from None
    return scoped


def _scoped(value: str) -> str:
    """The pattern with flags for all of it, such as ``(?i)``, as flags of a group, since checkers put signs before."""
    flags = re.match(r"\(\?([aimsux]+)\)", value)
    if flags is None:
        return value
    end = "\n" if "x" in flags[1] else ""  # of a comment
    return f"(?{flags[1]}:{_scoped(value[flags.end() :])}{end})"
