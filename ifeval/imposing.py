"""Changes a response so that it follows an instruction.

Each type's class does this in its ``impose``; this module checks the result.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ifeval.instructions import INSTRUCTIONS, build
from ifeval.instructions.base import Around
from ifeval.parameters import InstructionError


@dataclass(frozen=True)
class Imposed:
    """A response that follows the instruction of these kwargs."""

    response: str
    kwargs: dict[str, Any]


def impose(
    instruction_id: str, response: str, rng: random.Random, task: str | None = None, other: str | None = None
) -> Imposed | None:
    """The response, changed as little as possible, with the kwargs that it then follows.

    Args:
        task: what the response answers; without it, no type that repeats it can be imposed.
        other: another answer to it; without it, no two responses can be made.

    Returns:
        what has been checked; None where the type cannot be imposed without spoiling the text.
    """
    text = response.strip()
    if not text:
        return None
    found = INSTRUCTIONS[instruction_id].impose(text, rng, Around(task, other))
    if found is None:
        return None
    changed, kwargs = found
    try:
        followed = build(instruction_id, kwargs).check(changed)
    except InstructionError:  # kwargs cannot express a word of this text
        return None
    return Imposed(changed, kwargs) if followed else None


def imposing_order(ids: Iterable[str]) -> list[str]:
    """The ids in the order in which their types are imposed: by layer, then in the order of registration."""
    places = {name: (cls.layer, place) for place, (name, cls) in enumerate(INSTRUCTIONS.items())}
    return sorted(ids, key=places.__getitem__)
