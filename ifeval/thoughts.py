"""Thoughts that a model writes before its answer, between ``<think>`` and ``</think>`` or tags of a like name."""

import re

_TAG = re.compile(r"<(?P<end>/?)(?P<name>think|thinking|thought|reasoning)>", re.IGNORECASE)
_SPACE = re.compile(r"\s*")


def has_thoughts(response: str) -> bool:
    """Whether a response begins with thoughts; where the chat template opens them, only their end is there."""
    blocks = _blocks(response)
    return bool(blocks) and not response[: blocks[0][0]].strip()


def without_thoughts(response: str) -> str:
    """The response without its thoughts and the white space after them; nothing is left where they do not end."""
    if not has_thoughts(response):
        return response
    kept, position = [], 0
    for start, end in _blocks(response):
        kept.append(response[position:start])
        position = _SPACE.match(response, end).end()
    return "".join([*kept, response[position:]]).lstrip()


def are_open(response: str) -> bool:
    """Whether thoughts begin somewhere in a response that do not end."""
    last = {tag["name"].lower(): tag for tag in _TAG.finditer(response)}
    return not all(tag["end"] for tag in last.values())


def _blocks(response: str) -> list[tuple[int, int]]:
    """Where thoughts begin and end; those that only end begin with the response, and take in all before."""
    blocks: list[tuple[int, int]] = []
    position = 0
    while tag := _TAG.search(response, position):
        start, position = (0, tag.end()) if tag["end"] else (tag.start(), _end(response, tag))
        if tag["end"]:
            blocks.clear()
        blocks.append((start, position))
    return blocks


def _end(response: str, begin: re.Match) -> int:
    """Where the thoughts end that a tag begins: at its own end tag, or, where there are too few, at the last one."""
    depth, last = 0, len(response)
    for tag in _TAG.finditer(response, begin.start()):
        if tag["name"].lower() != begin["name"].lower():
            continue
        depth += -1 if tag["end"] else 1
        last = tag.end() if tag["end"] else last
        if depth == 0:
            break
    return last
