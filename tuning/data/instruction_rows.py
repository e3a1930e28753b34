"""Verifiable instructions for rows of any instruction data set: asked for in the prompt, followed by the completion."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ifeval import impose
from ifeval.describe import ask
from ifeval.impose.register import COUNTS, FUNCTION_WORDS, LAYERS, is_plain, sentences
from ifeval.instruction import Instruction
from ifeval.instructions import INSTRUCTIONS, build
from ifeval.text import Text
from tuning.config.own_keys import Instructions
from tuning.core.errors import UserError

_ARRANGED = {
    "length_constraints:number_paragraphs",
    "length_constraints:nth_paragraph_first_word",
    "detectable_format:number_bullet_lists",
    "detectable_format:multiple_sections",
    "detectable_format:json_format",
    "combination:two_responses",
}
_CASES = {
    "change_case:english_capital",
    "change_case:english_lowercase",
    "change_case:capital_word_frequency",
    "language:response_language",
}
_FIXED = "detectable_format:constrained_response"
# Types of which a response can carry only one, and why.
EXCLUSIVE: list[tuple[str, set[str]]] = [
    ("each arranges the whole text in its own way", _ARRANGED),
    ("each decides the case of letters, or the language whose letters these are", _CASES),
    ("each is the last thing in the text", {"startend:end_checker", "detectable_content:postscript"}),
    (
        "JSON is the whole output, so nothing stands before, after or around it",
        {"detectable_format:json_format", "startend:quotation"},
    ),
    ("JSON holds no title", {"detectable_format:json_format", "detectable_format:title"}),
    ("JSON ends with a bracket", {"detectable_format:json_format", "startend:end_checker"}),
    ("JSON starts with a bracket", {"detectable_format:json_format", "combination:repeat_prompt"}),
    (
        "the request is a paragraph too many",
        {"length_constraints:nth_paragraph_first_word", "combination:repeat_prompt"},
    ),
    ("a title is a paragraph too many", {"length_constraints:nth_paragraph_first_word", "detectable_format:title"}),
    ("a postscript would be arranged with the rest", {*_ARRANGED, "detectable_content:postscript"}),
    ("the request is said once, the answer twice", {"combination:two_responses", "combination:repeat_prompt"}),
]
# Types that change nothing in a text: they ask for what it holds.
COUNTED = {name for name, layer in LAYERS.items() if layer == COUNTS}
TRIES = 3  # draws of types before a variant is given up
SPREAD = 8  # rows by which types may differ before the rarer one is preferred for certain
LEAST = 8  # words of a shortened text
# Types that long texts follow: what is asked for at least so often, or to be there, short ones would teach one side of.
_LONG = {
    "length_constraints:number_words",
    "length_constraints:number_sentences",
    "keywords:existence",
    "keywords:frequency",
    "keywords:letter_frequency",
}


Row = TypeVar("Row")


@dataclass(frozen=True)
class Treated:
    """A conversation with instructions that its completion has been proved to follow."""

    prompt: list[dict[str, str]]
    completion: list[dict[str, str]]
    types: list[str]
    kwargs: list[dict[str, Any]]

    def is_followed_by(self, text: str) -> bool:
        """Whether another completion passes the same checks."""
        return all(build(name, kwargs).check(text) for name, kwargs in zip(self.types, self.kwargs, strict=True))


def treat_all(
    rows: list[Row], types: list[str], section: Instructions, seed: int, lost: Counter
) -> Iterator[tuple[Row, Treated | None]]:
    """Each row with what it becomes: as many variants as ``section`` says, or None, where it stays as it is.

    A completion is taken up to ``max_words`` words; the share ``short`` of variants keeps no more of its sentences than
    its instructions need. Lengths and words that have to be there are asked of twice as long texts. What cannot be
    cut and is longer stays as it is; without ``keep_untouched`` such rows are left out altogether. Rows in another
    language than English, in which wordings and endings are, stay as they are.
    Types that have been imposed less often are tried first.

    Args:
        rows: each has ``prompt`` and ``completion``.
        types: ids to draw from.
        section: ``data.instructions`` of params.yaml.
        seed: of what is drawn.
        lost: counts the types of what could not be imposed.
    """
    answers, given = _other_answers(rows), Counter()
    counts, weights = range(1, len(section.per_row) + 1), section.per_row
    for row in rows:
        rng, text = random.Random(f"{seed} {row.prompt} {row.completion}"), row.completion[-1]["content"]
        if is_foreign(text):
            yield row, None
            continue
        texts = beginnings(text, section.max_words)
        if rng.random() >= section.fraction or not texts:
            if section.keep_untouched:
                yield row, None
            continue
        longest = beginnings(text, section.max_words and 2 * section.max_words)[-1]
        other = next((answer for answer in answers[repr(row.prompt)] if answer != text), None)
        for _ in range(section.variants):
            count = rng.choices(counts, weights)[0]
            lengths = texts if rng.random() < section.short else texts[-1:]
            for _ in range(TRIES):
                order = sorted(types, key=lambda name: given[name] + SPREAD * rng.random())
                treated = treat(row.prompt, lengths, longest, order, count, rng, lost, other)
                if treated is not None:
                    given.update(treated.types)
                    yield row, treated
                    break


def beginnings(text: str, max_words: int | None) -> list[str]:
    """The text's beginnings of whole sentences and at least ``LEAST`` words, the shortest first, itself the last.

    Without ``max_words`` or more of them; none, if the text is longer and is no prose that can be cut.
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
    """Whether a text is in another language than the one of what is added to it.

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
    if another in types or (types and _FIXED in (*types, another)):
        return False
    return not any(another in exclusive and exclusive.intersection(types) for _, exclusive in EXCLUSIVE)


def chosen_types(types: str | list[str]) -> list[str]:
    """The ids that ``data.instructions.types`` names.

    Raises:
        UserError: an id is unknown.
    """
    if types == "all":
        return sorted(INSTRUCTIONS)
    for instruction_id in [types] if isinstance(types, str) else types:
        if instruction_id not in INSTRUCTIONS:
            raise UserError(f"'data.instructions.types': unknown id {instruction_id!r}; see `python -m ifeval list`")
    return sorted(types)


def treat(
    prompt: list[dict[str, str]],
    texts: list[str],
    longest: str,
    types: list[str],
    count: int,
    rng: random.Random,
    lost: Counter,
    other: str | None = None,
) -> Treated | None:
    """The conversation with some instructions in its last request, and a completion that follows them.

    Args:
        texts: completions to choose from; the first on which all instructions can be imposed is taken.
        longest: the completion for types that long texts follow.
        types: ids to choose from, the first that fit.
        count: instructions to impose.
        lost: counts the types that could not be imposed, or did not survive those after them.
        other: another answer to the same request.
    """
    request = prompt[-1]["content"]
    picked: list[str] = []
    for instruction_id in types:
        if len(picked) == count:
            break
        if compatible(picked, instruction_id) and impose.impose(
            instruction_id, texts[-1], random.Random(0), request, other
        ):
            picked.append(instruction_id)
    if len(picked) < count:
        lost["too few fit"] += 1
        return None
    picked.sort(key=impose.ORDER.index)
    if _LONG.intersection(picked):
        texts = [longest]
    broken: list[str] = []
    for text in texts:
        imposed = _imposed(picked, text, request, other, rng)
        if isinstance(imposed, Imposed):
            asked = [*prompt[:-1], {"role": "user", "content": ask(request, imposed.instructions, rng)}]
            completion = [{"role": "assistant", "content": imposed.text}]
            return Treated(asked, completion, picked, [instruction.kwargs for instruction in imposed.instructions])
        broken = imposed
    lost.update(broken)
    return None


@dataclass(frozen=True)
class Imposed:
    """A text that follows these instructions."""

    text: str
    instructions: list[Instruction]


def _imposed(types: list[str], text: str, request: str, other: str | None, rng: random.Random) -> Imposed | list[str]:
    """The text with all types imposed, or the types that could not be, or that those after them undid."""
    found: dict[str, dict[str, Any]] = {}
    for instruction_id in types:
        imposed = impose.impose(instruction_id, text, rng, request, other)
        if imposed is None:
            return [instruction_id]
        text, found[instruction_id] = imposed.response, imposed.kwargs
    instructions = [build(instruction_id, kwargs) for instruction_id, kwargs in found.items()]
    broken = [instruction.id for instruction in instructions if not instruction.check(text)]
    return broken or Imposed(text, instructions)
