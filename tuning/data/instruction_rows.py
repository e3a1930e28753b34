"""Adds verifiable instructions to training rows: the prompt asks for them, the completion follows them."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ifeval.imposing import impose, imposing_order
from ifeval.instructions import INSTRUCTIONS, Instruction, build, conflict
from ifeval.instructions.base import Layer
from ifeval.prose import FUNCTION_WORDS, is_plain, sentences
from ifeval.text import Text
from ifeval.wording import ask
from tuning.config.own_keys import Instructions
from tuning.core.errors import UserError
from tuning.data.rows import Counts

TRIES = 3  # draws of types before a variant is given up
SPREAD = 8  # with more rows of difference than this, the rarer type always comes first
LEAST = 8  # words of a shortened text


Row = TypeVar("Row")


@dataclass(frozen=True)
class Request:
    """A conversation up to the user's last turn, and what can answer it.

    Attributes:
        prompt: its turns; the last one is the user's.
        texts: completions to choose from; the first on which all instructions can be imposed is taken.
        longest: the completion for types that long texts follow.
        other: another answer to it.
    """

    prompt: list[dict[str, str]]
    texts: list[str]
    longest: str
    other: str | None = None

    @property
    def task(self) -> str:
        return self.prompt[-1]["content"]


@dataclass(frozen=True)
class Treated:
    """A conversation with instructions; its completion has passed their checks."""

    prompt: list[dict[str, str]]
    completion: list[dict[str, str]]
    types: list[str]
    kwargs: list[dict[str, Any]]

    @property
    def only_counts(self) -> bool:
        """Whether all its instructions only count or name what a text contains, such as a number of words."""
        return all(INSTRUCTIONS[name].layer == Layer.COUNTS for name in self.types)

    def is_followed_by(self, text: str) -> bool:
        """Whether another completion passes the same checks."""
        return all(build(name, kwargs).check(text) for name, kwargs in zip(self.types, self.kwargs, strict=True))


def treat_all(
    rows: list[Row], types: list[str], section: Instructions, seed: int, counts: Counts
) -> Iterator[tuple[Row, Treated | None]]:
    """Yields each row with its variants, as many as ``section`` says, or with None if it stays as it is.

    A completion is cut at a sentence end within ``max_words`` words; a fraction ``short`` of the variants keeps only
    the sentences that their instructions need. Required lengths and words are imposed on texts twice as long. A longer
    text that cannot be cut stays as it is, as does a row that no instruction fits or none is drawn for; without
    ``keep_untouched`` these are dropped. Rows that are not in English stay as they are, because wordings and added
    phrases are English, and so do those that carry instructions already. Types imposed less often so far are tried
    first.

    Args:
        rows: each has ``prompt``, ``completion``, and ``types`` of the instructions that it carries.
        types: ids to draw from.
        section: ``data.instructions`` of params.yaml.
        seed: of what is drawn.
        counts: of the types that could not be imposed, and of dropped rows.
    """
    answers, given = _other_answers(rows), Counter()
    numbers = range(1, len(section.per_row) + 1)
    for row in rows:
        rng, text = random.Random(f"{seed} {row.prompt} {row.completion}"), row.completion[-1]["content"]
        if row.types or is_foreign(text):
            yield row, None
            continue
        texts = beginnings(text, section.max_words)
        if rng.random() >= section.fraction or not texts:
            reason = "not_drawn" if texts else "too_long_to_instruct"
            yield from _untouched(row, section, counts, reason)
            continue
        before = given.total()
        longest = beginnings(text, section.max_words and 2 * section.max_words)[-1]
        other = next((answer for answer in answers[repr(row.prompt)] if answer != text), None)
        for _ in range(section.variants):
            number = rng.choices(numbers, section.per_row)[0]
            lengths = texts if rng.random() < section.short else texts[-1:]
            for _ in range(TRIES):
                order = sorted(types, key=lambda name: given[name] + SPREAD * rng.random())
                treated = treat(Request(row.prompt, lengths, longest, other), order, number, rng, counts.lost)
                if treated is not None:
                    given.update(treated.types)
                    yield row, treated
                    break
        if given.total() == before:
            yield from _untouched(row, section, counts, "no_instruction_fits")


def _untouched(row: Row, section: Instructions, counts: Counts, reason: str) -> Iterator[tuple[Row, None]]:
    """The row as it is, or nothing, as ``keep_untouched`` says; then it is counted."""
    if section.keep_untouched:
        yield row, None
    else:
        counts.dropped[reason] += 1


def beginnings(text: str, max_words: int | None) -> list[str]:
    """The beginnings of the text that end at a sentence and have at least ``LEAST`` words, shortest first.

    None has more than ``max_words`` words. The list is empty if the text is longer than that and cannot be cut.
    """
    text, most = text.strip(), max_words or len(text)
    if not is_plain(text) or "\n" in text:
        return [text] if 0 < len(text.split()) <= most else []
    found, kept = [], ""
    for sentence in sentences(text):
        kept = f"{kept} {sentence}".strip()
        if LEAST <= len(kept.split()) <= most:
            found.append(kept)
    return found or ([text] if 0 < len(text.split()) <= most else [])


def is_foreign(text: str) -> bool:
    """Whether a text is not in English, the language of the wordings and phrases that are added to it.

    langdetect errs on lists and numbers, so a text with as many English function words as English has is English.
    """
    words = re.findall(r"[^\W\d_]+", text.lower())
    english = sum(word in FUNCTION_WORDS for word in words) >= 0.25 * len(words)
    return len(text) >= 20 and not english and Text(text).language != "en"


def _other_answers(rows: list[Row]) -> dict[str, list[str]]:
    """The answers to each prompt."""
    answers: dict[str, list[str]] = {}
    for row in rows:
        answers.setdefault(repr(row.prompt), []).append(row.completion[-1]["content"])
    return answers


def compatible(types: list[str], another: str) -> bool:
    """Whether one more type can be asked of the same response."""
    return all(conflict(name, another) is None for name in types)


def chosen_types(types: str | list[str]) -> list[str]:
    """The ids that ``data.instructions.types`` names.

    Raises:
        UserError: an id is unknown, or there is none.
    """
    if types == "all":
        return sorted(INSTRUCTIONS)
    if not types:
        raise UserError(
            "'data.instructions.types' is empty: to add no instruction, set 'data.instructions.fraction' to 0, and "
            "'data.instructions.keep_untouched' to true"
        )
    names = [types] if isinstance(types, str) else types
    for name in names:
        if name not in INSTRUCTIONS:
            raise UserError(f"'data.instructions.types': unknown id {name!r}; see `python -m ifeval list`")
    return sorted(names)


def treat(request: Request, types: list[str], count: int, rng: random.Random, lost: Counter) -> Treated | None:
    """The conversation with some instructions in its last turn, and a completion that follows them.

    Args:
        types: ids to choose from, the first that fit.
        count: instructions to impose.
        lost: counts the types that could not be imposed, or that those after them undid.
    """
    picked = _picked(request, types, count)
    if len(picked) < count:
        lost["too few fit"] += 1
        return None
    on_long_texts = any(INSTRUCTIONS[name].on_long_texts for name in picked)
    undone: list[str] = []
    for text in [request.longest] if on_long_texts else request.texts:
        changed, instructions, undone = _imposed(picked, text, request, rng)
        if not undone:
            asked = [*request.prompt[:-1], {"role": "user", "content": ask(request.task, instructions, rng)}]
            completion = [{"role": "assistant", "content": changed}]
            return Treated(asked, completion, picked, [instruction.kwargs for instruction in instructions])
    lost.update(undone)
    return None


def _picked(request: Request, types: list[str], count: int) -> list[str]:
    """The first types, up to ``count``, that go together and can be imposed, in the order of imposing."""
    picked: list[str] = []
    for name in types:
        if len(picked) == count:
            break
        if not compatible(picked, name):
            continue
        if impose(name, request.texts[-1], random.Random(0), request.task, request.other):
            picked.append(name)
    return imposing_order(picked)


def _imposed(
    types: list[str], text: str, request: Request, rng: random.Random
) -> tuple[str, list[Instruction], list[str]]:
    """The text with all types imposed, their instructions, and the types that could not be, or that were undone."""
    found: dict[str, dict[str, Any]] = {}
    for name in types:
        imposed = impose(name, text, rng, request.task, request.other)
        if imposed is None:
            return text, [], [name]
        text, found[name] = imposed.response, imposed.kwargs
    instructions = [build(name, kwargs) for name, kwargs in found.items()]
    return text, instructions, [instruction.id for instruction in instructions if not instruction.check(text)]
