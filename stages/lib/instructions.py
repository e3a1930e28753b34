"""Verifiable instructions for rows of any instruction data set: asked for in the prompt, followed by the completion."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ifeval import impose
from ifeval.describe import ask
from ifeval.instructions import INSTRUCTIONS, build
from stages.lib.errors import UserError

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
    (
        "a postscript is a paragraph too many",
        {"length_constraints:nth_paragraph_first_word", "detectable_content:postscript"},
    ),
    ("the request is said once, the answer twice", {"combination:two_responses", "combination:repeat_prompt"}),
]
TRIES = 12  # types that are tried before a row is given up


Row = TypeVar("Row")


@dataclass(frozen=True)
class Treated:
    """A conversation with instructions that its completion has been proved to follow, and their types."""

    prompt: list[dict[str, str]]
    completion: list[dict[str, str]]
    types: list[str]


def treat_all(
    rows: list[Row], types: list[str], section: dict[str, Any], seed: int, lost: Counter
) -> Iterator[tuple[Row, Treated | None]]:
    """Each row with what it becomes: as many variants as ``section`` says, or None, where it stays as it is.

    Rows with completions of more than ``max_words`` words stay as they are; without ``keep_untouched`` such rows are
    left out altogether.

    Args:
        rows: each has ``prompt`` and ``completion``.
        types: ids to draw from.
        section: ``data.instructions`` of params.yaml.
        seed: of what is drawn; a row's variants depend on it and the row.
        lost: counts the types of what could not be imposed.
    """
    answers = _other_answers(rows)
    counts, weights = range(1, len(section["per_row"]) + 1), section["per_row"]
    for row in rows:
        rng = random.Random(f"{seed} {row.prompt} {row.completion}")
        words = len(row.completion[-1]["content"].split())
        if rng.random() >= section["fraction"] or words > (section["max_words"] or words):
            if section["keep_untouched"]:
                yield row, None
            continue
        other = next((text for text in answers[repr(row.prompt)] if text != row.completion[-1]["content"]), None)
        for _ in range(section["variants"]):
            treated = treat(row.prompt, row.completion, types, rng.choices(counts, weights)[0], rng, lost, other)
            if treated is not None:
                yield row, treated


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
    completion: list[dict[str, str]],
    types: list[str],
    count: int,
    rng: random.Random,
    lost: Counter,
    other: str | None = None,
) -> Treated | None:
    """The conversation with some instructions in its last request, and a completion that follows them.

    Args:
        types: ids to choose from.
        count: instructions to impose.
        lost: counts the types that could not be imposed, or did not survive those after them.
        other: another answer to the same request.
    """
    request, response = prompt[-1]["content"], completion[-1]["content"].strip()
    picked: list[str] = []
    for instruction_id in rng.sample(types, min(TRIES, len(types))):
        if len(picked) == count:
            break
        if compatible(picked, instruction_id) and impose.impose(
            instruction_id, response, random.Random(0), request, other
        ):
            picked.append(instruction_id)
    picked.sort(key=impose.ORDER.index)
    found: dict[str, dict[str, Any]] = {}
    text = response
    for instruction_id in picked:
        imposed = impose.impose(instruction_id, text, rng, request, other)
        if imposed is None:
            lost[instruction_id] += 1
            return None
        text, found[instruction_id] = imposed.response, imposed.kwargs
    instructions = [build(instruction_id, kwargs) for instruction_id, kwargs in found.items()]
    broken = [instruction.id for instruction in instructions if not instruction.check(text)]
    if broken or len(instructions) < count:
        lost.update(broken or ["too few fit"])
        return None
    asked = [*prompt[:-1], {"role": "user", "content": ask(request, instructions, rng)}]
    return Treated(asked, [{"role": "assistant", "content": text}], picked)
