"""The base class of the instruction types, and their registry."""

import difflib
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar

from ifeval.parameters import InstructionError, Parameter, convert_all, shown
from ifeval.text import Text


@dataclass(frozen=True)
class Verdict:
    """Whether a response follows an instruction, and what was found, in words."""

    followed: bool
    reason: str


@dataclass(frozen=True)
class Around:
    """What is known beside a response: the task that it answers, and another answer to the task."""

    task: str | None = None
    other: str | None = None


class Layer(IntEnum):
    """When a type is imposed on a response that is to follow several: lower layers first.

    The order is such that a later type leaves alone what an earlier one has done.
    """

    WORDS = 0  # changes what is said
    ARRANGEMENT = 1  # divides the text, or adds marks to its parts
    CASE = 2  # changes the case of all letters
    COUNTS = 3  # asks for what the text holds; at most it writes some words in capitals
    WRAPPING = 4  # puts something before or around the whole


# Claims that more than one family makes; see Instruction.claims.
ARRANGES = "each arranges the whole text in its own way"
LETTERS = "each decides the case of letters, or the language whose letters these are"
ENDS = "each is the last thing in the text"
# In Instruction.conflicts: every other type.
EVERY = "*"


class Instruction(ABC):
    """One verifiable instruction with its kwargs.

    A subclass is one type. It is everything that the project knows of that type, and its docstring's first
    line says what the type asks for.

    Args:
        kwargs: the values of ``parameters``; null values count as not given.

    Attributes:
        id: the official id, ``family:name``.
        parameters: the kwargs.
        wordings: sentences that ask for the type; ``ifeval.wording`` says how they are filled in. A type with
            a relation has wordings for each of its two values.
        layer: when it is imposed, among several.
        claims: reasons why only one of the types that share such a reason can be asked of a response.
        conflicts: ids of other types that cannot be asked of the same response, and why; ``EVERY`` stands for
            all of them. It is enough that one of two types names the other.
        on_long_texts: True if the type is to be imposed on long texts when there is a choice, because short
            ones would show only a small part of what it can ask for.
        holds_task: True if the wordings hold the task themselves, so that it is not said again.

    Raises:
        InstructionError: kwargs are unknown, missing, of the wrong type, or impossible to follow.
    """

    id: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]] = {}
    wordings: ClassVar[tuple[str, ...] | dict[str, tuple[str, ...]]]
    layer: ClassVar[Layer]
    claims: ClassVar[tuple[str, ...]] = ()
    conflicts: ClassVar[dict[str, str]] = {}
    on_long_texts: ClassVar[bool] = False
    holds_task: ClassVar[bool] = False

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

    @staticmethod
    @abstractmethod
    def impose(text: str, rng: random.Random, around: Around) -> tuple[str, dict[str, Any]] | None:
        """The text, changed so that it follows an instruction of this type, and that instruction's kwargs.

        None if the text would be spoilt. ``ifeval.imposing.impose`` checks what this returns.

        Args:
            text: not blank, without white space at either end.
        """

    def shown(self) -> dict[str, Any]:
        """The kwargs as they are said in the wordings."""
        return self.kwargs

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.kwargs.items())})"


# By id, in the order of registration.
INSTRUCTIONS: dict[str, type[Instruction]] = {}


def register(cls: type[Instruction]) -> type[Instruction]:
    """Class decorator: makes the type known under its id.

    Raises:
        TypeError: the class leaves out what every type has to declare.
        ValueError: another type has its id.
    """
    missing = [name for name in ("id", "wordings", "layer") if not hasattr(cls, name)]
    missing += [*sorted(cls.__abstractmethods__), *([] if cls.__doc__ else ["a docstring"])]
    if missing:
        raise TypeError(f"{cls.__name__}: an instruction type needs {', '.join(missing)}")
    if cls.id in INSTRUCTIONS:
        raise ValueError(f"{cls.__name__}: the id {cls.id!r} is that of {INSTRUCTIONS[cls.id].__name__}")
    INSTRUCTIONS[cls.id] = cls
    return cls


def build(instruction_id: str, kwargs: dict[str, Any] | None = None) -> Instruction:
    """The instruction of that id with those kwargs.

    Raises:
        InstructionError: the id is unknown, or the kwargs cannot be used.
    """
    if instruction_id not in INSTRUCTIONS:
        near = difflib.get_close_matches(str(instruction_id)[:100], INSTRUCTIONS, n=1)
        listed = f" (python -m ifeval list shows all {len(INSTRUCTIONS)})"
        hint = f"; did you mean {near[0]!r}?" if near else listed
        raise InstructionError(f"unknown instruction id {shown(instruction_id)}{hint}")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise InstructionError(f"{instruction_id}: kwargs must be an object, not {shown(kwargs)}")
    return INSTRUCTIONS[instruction_id](**(kwargs or {}))


def conflict(one: str, another: str) -> str | None:
    """Why instructions of these two ids cannot be asked of the same response, or None if they can."""
    if one == another:
        return "one of a type is enough"
    first, second = INSTRUCTIONS[one], INSTRUCTIONS[another]
    shared = next((claim for claim in first.claims if claim in second.claims), None)
    return shared or _named(first, another) or _named(second, one)


def _named(cls: type[Instruction], other: str) -> str | None:
    return cls.conflicts.get(other) or cls.conflicts.get(EVERY)
