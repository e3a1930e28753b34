"""The rows that prepare writes, and their statistics."""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from tuning.core.terminal import printable
from tuning.model.chat_template import Tokens

# Why a row gets no verifiable instruction; without data.instructions.keep_untouched it is dropped for it.
UNTOUCHED = ("too_long_to_instruct", "no_instruction_fits", "not_drawn")


class RowError(Exception):
    """A row of a data set that cannot be used; the message says why, and ``reason`` is what it is counted as."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Row:
    """A prepared row with its source and its lengths in tokens."""

    place: str
    prompt: list[dict[str, str]]
    completion: list[dict[str, str]]
    tokens: Tokens
    types: tuple[str, ...] = ()  # of the verifiable instructions that it carries

    def as_json(self) -> dict[str, Any]:
        return {"prompt": self.prompt, "completion": self.completion}


def sample(rows: list[Row], seed: int) -> str:
    """Twenty rows for a person to read."""
    shown = random.Random(seed).sample(rows, min(20, len(rows)))
    parts = []
    for row in shown:
        turns = "\n\n".join(f"**{turn['role']}:** {turn['content']}" for turn in row.prompt + row.completion)
        parts.append(f"### {row.place}\n\n{turns}\n")
    return "\n".join(parts)


@dataclass
class Counts:
    """What prepare counts on its way from data sets to rows.

    Attributes:
        dropped: rows by reason; reasons beyond the first four stand there when they occur.
        overlaps: in words, which row repeats which evaluation prompt, by the row's place.
        lost: types of instructions that could not be imposed.
        own_answers: rows that the base model has answered.
        followed_by_itself: rows whose instructions the base model followed in its own words.
    """

    dropped: Counter = field(default_factory=lambda: Counter(empty=0, duplicate=0, over_length=0, contaminated=0))
    overlaps: dict[str, str] = field(default_factory=dict)
    lost: Counter = field(default_factory=Counter)
    own_answers: int = 0
    followed_by_itself: int = 0

    def untouched(self) -> int:
        """Rows that are dropped because they got no instruction."""
        return sum(self.dropped[reason] for reason in UNTOUCHED)

    def reasons(self, before: Counter[str] | None = None) -> str:
        """What is dropped, or has been since ``before``, in words: "2 empty, 1 over length"."""
        found = self.dropped if before is None else self.dropped - before
        return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in found.items())

    def drop(self, reason: str, message: str) -> None:
        """Counts a row that is dropped, and shows the first of each reason."""
        self.dropped[reason] += 1
        if self.dropped[reason] == 1:
            tqdm.write(printable(f"dropped: {message}"))


def summary(
    train: list[Row], validation: list[Row], evaluation: list[dict[str, Any]], counts: Counts
) -> dict[str, Any]:
    """What metrics/data.json holds; tokens are those of the rows to train on."""
    types = Counter(name for row in train for name in row.types)
    rows = len(train) + len(validation) + counts.dropped["contaminated"]
    return {
        "rows": {
            "train": len(train),
            "validation": len(validation),
            "own_answers": counts.own_answers,
            "followed_by_itself": counts.followed_by_itself,
        },
        "dropped": dict(counts.dropped),
        "instructions": {
            "rows_by_type": dict(sorted(types.items())),
            "failed_by_type": dict(sorted(counts.lost.items())),
        },
        "tokens": {
            "total": sum(len(row.tokens.prompt) + len(row.tokens.completion) for row in train),
            "prompt": percentiles([len(row.tokens.prompt) for row in train]),
            "completion": percentiles([len(row.tokens.completion) for row in train]),
        },
        "contamination": {
            "rows": len(counts.overlaps),
            "share": len(counts.overlaps) / rows,
            "matches": list(counts.overlaps.values()),
        },
        "evaluation": {
            "prompts": len(evaluation),
            "instructions": sum(len(row["instruction_id_list"]) for row in evaluation),
        },
    }


def percentiles(counts: list[int]) -> dict[str, int]:
    """The 5th, 50th and 95th percentiles and the maximum (nearest rank)."""
    ordered = sorted(counts)
    return {f"p{p}": ordered[round(p / 100 * (len(ordered) - 1))] for p in (5, 50, 95, 100)}
