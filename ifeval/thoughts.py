"""Thoughts that a model writes before its answer, between ``<think>`` and ``</think>``."""

import re

_OPENED, _CLOSED = "<think>", "</think>"


def has_thoughts(response: str) -> bool:
    """Whether a response begins with thoughts; where the chat template opens them, only their end is there."""
    begin, end = response.find(_OPENED), response.find(_CLOSED)
    return response.lstrip().startswith(_OPENED) or (end >= 0 and not 0 <= begin < end)


def without_thoughts(response: str) -> str:
    """The response without its thoughts and the white space after them; nothing is left where they do not end."""
    if not has_thoughts(response):
        return response
    if not response.lstrip().startswith(_OPENED):
        response = _OPENED + response
    return re.sub(rf"{_OPENED}.*?(?:{_CLOSED}|\Z)\s*", "", response, flags=re.DOTALL).lstrip()
