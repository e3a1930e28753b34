"""Thoughts that a model writes before its answer, between ``<think>`` and ``</think>`` or tags of a like name."""

import re

_NAMES = "(think|thinking|thought|reasoning)"
_BEGINS = re.compile(rf"\s*<{_NAMES}>", re.IGNORECASE)
_END = re.compile(rf"</{_NAMES}>", re.IGNORECASE)
_THOUGHTS = re.compile(rf"<{_NAMES}>.*?(?:</\1>|\Z)\s*", re.IGNORECASE | re.DOTALL)


def has_thoughts(response: str) -> bool:
    """Whether a response begins with thoughts; where the chat template opens them, only their end is there."""
    return _BEGINS.match(response) is not None or _only_ends(response) is not None


def without_thoughts(response: str) -> str:
    """The response without its thoughts and the white space after them; nothing is left where they do not end."""
    if _BEGINS.match(response) is None:
        end = _only_ends(response)
        if end is None:
            return response
        response = f"<{end[1]}>{response}"
    return _THOUGHTS.sub("", response).lstrip()


def _only_ends(response: str) -> re.Match | None:
    """The first end of thoughts, unless they begin before it."""
    end = _END.search(response)
    begun = end and f"<{end[1]}>".lower() in response[: end.start()].lower()
    return None if begun else end
