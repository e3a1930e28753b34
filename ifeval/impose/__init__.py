"""Changing a response so that it follows an instruction, each type in its own way.

``impose`` gives back the response, changed as little as may be, with the kwargs that it then follows; or None
where that cannot be done without spoiling the text. What is given back has been checked.
"""

import random
from dataclasses import dataclass
from typing import Any

from ifeval.impose import amounts, content, form, letters, register
from ifeval.instructions import build
from ifeval.parameters import InstructionError

IMPOSERS = register.IMPOSERS
# The order in which several are imposed, so that a later one does not undo an earlier.
ORDER = sorted(IMPOSERS, key=register.LAYERS.__getitem__)


@dataclass(frozen=True)
class Imposed:
    """A response that follows the instruction of these kwargs."""

    response: str
    kwargs: dict[str, Any]


def impose(
    instruction_id: str, response: str, rng: random.Random, task: str | None = None, other: str | None = None
) -> Imposed | None:
    """The response so that it follows an instruction of the type, or None.

    Args:
        task: what the response answers; without it, no type that repeats it can be imposed.
        other: another answer to it; without it, no two responses can be made.
    """
    text = response.strip()
    if not text:
        return None
    found = IMPOSERS[instruction_id](text, rng, register.Around(task, other))
    if found is None:
        return None
    changed, kwargs = found
    try:
        followed = build(instruction_id, kwargs).check(changed)
    except InstructionError:  # a word of the text that no kwargs can hold
        return None
    return Imposed(changed, kwargs) if followed else None


__all__ = ["IMPOSERS", "ORDER", "Imposed", "amounts", "content", "form", "impose", "letters"]
