"""What every instruction type has in common, and the register of all of them."""

import difflib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from ifeval.parameters import RELATIONS, InstructionError, Parameter, convert_all
from ifeval.text import Text


@dataclass(frozen=True)
class Verdict:
    """Whether a response follows an instruction, and what was found, in words."""

    followed: bool
    reason: str


class Instruction(ABC):
    """One verifiable instruction with its kwargs.

    A subclass has the official ``id``, its ``parameters``, and ``judge``.

    Args:
        kwargs: the values of ``parameters``; null values count as not given.

    Raises:
        InstructionError: kwargs are unknown, missing, of the wrong type, or impossible to follow.
    """

    id: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]] = {}

    def __init__(self, /, **kwargs: Any):
        self.kwargs = convert_all(self.id, self.parameters, kwargs)
        for name, value in self.kwargs.items():
            setattr(self, name, value)
        problem = self.impossible()
        if problem:
            raise InstructionError(f"{self.id}: {problem}")

    def impossible(self) -> str | None:
        """Why no response could follow these kwargs, or None."""
        return None

    @abstractmethod
    def judge(self, text: Text) -> Verdict:
        """The bare checker's verdict on one text, as the official checker of this id gives it."""

    def check(self, response: "str | Text") -> bool:
        """The strict verdict: the response is not blank and follows the instruction as it stands."""
        text = response if isinstance(response, Text) else Text(response)
        return not text.blank and self.judge(text).followed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.kwargs.items())})"


INSTRUCTIONS: dict[str, type[Instruction]] = {}


def register(cls: type[Instruction]) -> type[Instruction]:
    """Class decorator: makes the type known under its official id."""
    INSTRUCTIONS[cls.id] = cls
    return cls


def build(instruction_id: str, kwargs: dict[str, Any] | None = None) -> Instruction:
    """The instruction of that id with those kwargs.

    Raises:
        InstructionError: the id is unknown, or the kwargs cannot be used.
    """
    if instruction_id not in INSTRUCTIONS:
        near = difflib.get_close_matches(str(instruction_id), INSTRUCTIONS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else " (python -m ifeval list shows all 25)"
        raise InstructionError(f"unknown instruction id {instruction_id!r}{hint}")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise InstructionError(f"{instruction_id}: kwargs must be an object, not {kwargs!r}")
    return INSTRUCTIONS[instruction_id](**(kwargs or {}))


def compare(count: int, relation: str, number: int) -> bool:
    """``less than`` is strictly fewer; ``at least`` is that many or more."""
    return count < number if relation == "less than" else count >= number


def impossible_bound(relation: str, number: int) -> str | None:
    """Fewer than none can't be followed."""
    return "'less than' 0 cannot be followed" if relation == RELATIONS[0] and number == 0 else None


def plural(count: int, noun: str) -> str:
    """``1 word``, ``2 words``, ``2 of ...`` with regular English plurals."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
