"""Phrases an instruction in words, and adds the phrase to a task.

A wording is a sentence that can stand before or after a task, or, with ``{task}`` in it, a frame around one.
The other fields are kwargs of the instruction:

- ``{name:noun}`` is a number with its noun, singular or plural, ``{name}`` the number alone, and ``{name:ordinal}``
  its place in a row, as in "second" or "21st";
- ``{name:list}`` is words joined by commas and "and", ``{name:quoted}`` the same in quotation marks;
- ``{name}`` is any other value as it stands.
"""

import random
import re
from typing import Any

from ifeval.instructions.base import Instruction

NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
ORDINALS = "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()


class _Count(int):
    """Formats an integer as a number with its noun, small numbers sometimes as words."""

    as_word = False

    def __format__(self, noun: str) -> str:
        if noun == "ordinal":
            return self._ordinal()
        number = NUMBERS[self] if self.as_word and self < len(NUMBERS) else str(int(self))
        if not noun:
            return number
        plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
        return f"{number} {noun if self == 1 else plural}"

    def _ordinal(self) -> str:
        if self < len(ORDINALS):
            return ORDINALS[self]
        ending = "th" if self % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(self % 10, "th")
        return f"{int(self)}{ending}"


class _Words(list):
    """Formats as an enumeration, in quotation marks or without."""

    def __format__(self, kind: str) -> str:
        words = [f"'{word}'" for word in self] if kind == "quoted" else list(self)
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def describe(instruction: Instruction, rng: random.Random) -> str:
    """A sentence that asks for the instruction, or a frame with ``{task}`` in it."""
    wordings = instruction.wordings
    if isinstance(wordings, dict):
        relation = next(value for name, value in instruction.kwargs.items() if name.endswith("relation"))
        wordings = wordings[relation]
    as_word = rng.random() < 0.3
    values = {name: _formatted(value, as_word) for name, value in instruction.shown().items()}
    wording = rng.choice(wordings)
    asked = wording.format(**values, task="{task}")
    first = re.match(r"\{(\w+)", wording)
    starts_with_number = first and isinstance(values.get(first.group(1)), _Count)
    return asked[0].upper() + asked[1:] if starts_with_number else asked


def _formatted(value: Any, as_word: bool) -> Any:
    """The value as a wording's field formats it."""
    if isinstance(value, int):
        count = _Count(value)
        count.as_word = as_word
        return count
    return _Words(value) if isinstance(value, list) else value


def ask(task: str, instructions: list[Instruction], rng: random.Random) -> str:
    """The task with its instructions in words: mostly after the task, sometimes before or around it.

    Args:
        task: what to answer. An instruction with ``holds_task`` says it in its own wording.
    """
    framed, sentences = task, []
    for instruction in instructions:
        wording = describe(instruction, rng)
        if instruction.holds_task:
            framed = wording
        elif "{task}" in wording:
            framed = wording.replace("{task}", framed)
        else:
            sentences.append(wording)
    rng.shuffle(sentences)
    joined = " ".join(sentences)
    if not joined:
        return framed
    if rng.random() < 0.2:
        return f"{joined}\n\n{framed}" if "\n" in framed or rng.random() < 0.5 else f"{joined} {framed}"
    return f"{framed}\n\n{joined}" if "\n" in framed or rng.random() < 0.3 else f"{framed} {joined}"
