"""Searches for keywords, which may be any regular expression, without ever hanging.

The official checkers put keywords into regular expressions unescaped. A plain word costs linear
time. A pattern with a repetition, or with alternatives in groups, can take time exponential in the
text, and a long one compares all of itself at each place of the text. Such a pattern runs in a process
of its own, which is ended after ``LIMIT_S`` seconds; a pattern that needs longer is an error of the
data, not of the response.
"""

import functools
import json
import re
import subprocess
import sys

from ifeval.parameters import InstructionError, PatternError, compiled, one_line, shown

LIMIT_S = 20.0
_COMPARISONS = 10**8  # of signs, at most, in this process

_WORKER = (
    "import json, re, sys; p, t = json.load(sys.stdin); "
    "print(sum(1 for _ in re.finditer(p, t, re.IGNORECASE)) if sys.argv[1] == 'all'"
    " else int(re.search(p, t, re.IGNORECASE) is not None))"
)


def found(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text, in any case."""
    if _is_quick(pattern, text):
        return _compiled(pattern, re.IGNORECASE).search(text) is not None
    return _isolated(pattern, text, "first") > 0


def found_as_is(pattern: str, text: str) -> bool:
    """Whether the pattern is found anywhere in the text; case matters, and ^ and $ are the ends of a line."""
    if _is_quick(pattern, text):
        return _compiled(pattern, re.MULTILINE).search(text) is not None
    return _isolated(f"(?m-i:{pattern})", text, "first", pattern) > 0


def count(pattern: str, text: str) -> int:
    """How often the pattern is found without overlap, in any case."""
    if _is_quick(pattern, text):
        return sum(1 for _ in _compiled(pattern, re.IGNORECASE).finditer(text))
    return _isolated(pattern, text, "all")


def numbered_pieces(pattern: str, text: str) -> int:
    """Into how many pieces ``re.split`` divides the text at the pattern followed by a number.

    As in the official checker, each capturing group in the pattern adds one piece per match.
    """
    whole = numbered(pattern)
    if _is_quick(pattern, text):
        return len(_compiled(whole).split(text))
    return 1 + _isolated(f"(?-i:{whole})", text, "all", pattern) * (1 + _compiled(whole).groups)


def numbered(pattern: str) -> str:
    """The pattern followed by a number, as the official checker writes it."""
    return rf"\s?{pattern}\s?\d+\s?"


def _is_quick(pattern: str, text: str) -> bool:
    return len(pattern) * len(text) <= _COMPARISONS and _bounded(pattern)


@functools.lru_cache(maxsize=4096)
def _bounded(pattern: str) -> bool:
    """True where nothing can make the search more than linear in the text.

    These can: a repetition, a look-around, a back reference, and alternatives in a group, of which a row of n has
    2 ** n ways.
    """
    plain = re.sub(r"\\[^\d]", "", pattern)
    return not re.search(r"[*+?{]|\\[1-9]", plain) and not ("|" in plain and "(" in plain)


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str, flags: int = 0) -> "re.Pattern[str]":
    """The pattern; one that is not valid has mostly been refused when its instruction was built."""
    try:
        return compiled(pattern, flags)
    except PatternError as error:
        raise InstructionError(f"the pattern {shown(pattern)} is not a valid regular expression ({error})") from None


def _isolated(pattern: str, text: str, how: str, given: str | None = None) -> int:
    """The same search in a process of its own; messages show the pattern as it was given."""
    told = shown(pattern if given is None else given)
    _compiled(pattern, re.IGNORECASE)  # what is wrong with it is said here
    command = [sys.executable, "-I", "-W", "ignore", "-c", _WORKER, how]
    try:
        done = subprocess.run(
            command, input=json.dumps([pattern, text]), capture_output=True, text=True, timeout=LIMIT_S, check=True
        )
    except subprocess.TimeoutExpired:
        raise InstructionError(
            f"the pattern {told} takes over {LIMIT_S:g} s on a response of {len(text)} characters: "
            "keywords are regular expressions; escape its special characters or simplify it"
        ) from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or f"exit code {error.returncode}").strip().splitlines()[-1]
        raise InstructionError(f"the pattern {told} cannot be searched for ({one_line(said)})") from None
    return int(done.stdout)
