"""Which rows stay: none that is empty, repeated, unusable, too long, or that repeats an evaluation prompt."""

from hashlib import sha256
from typing import Any

from tqdm import tqdm

from tuning.core.errors import UserError
from tuning.data import contamination, conversations, mixing
from tuning.data.preparation import Preparation
from tuning.data.rows import Counts, Row


def clean(source: mixing.Source, preparation: Preparation, counts: Counts) -> list[Row]:
    """The rows of one data set without empty, repeated, unusable and, unless they are to be truncated, too long ones.

    Raises:
        UserError: the data set cannot be read, ``data.on_error`` stops at a row that cannot be used, or none is left.
    """
    rows: list[Row] = []
    seen: set[bytes] = set()
    before = counts.dropped.copy()
    stops = conversations.stops_at_errors(source.origin, preparation.params.data.on_error)
    found = conversations.read(source.origin, source.columns, stops, counts.drop)
    for place, conversation in tqdm(found, desc="prepare", unit=" rows"):
        if conversation is None:
            continue
        if (digest := sha256(repr(conversation).encode()).digest()) in seen:
            counts.dropped["duplicate"] += 1
            continue
        seen.add(digest)
        conversation = preparation.shortened(place, conversation)
        if conversation is None:
            counts.dropped["over_length"] += 1
            continue
        try:
            row = preparation.row(place, conversation.prompt, conversation.completion, conversation.types)
        except Exception as error:  # of the template or the tokenizer
            problem = f"{place}: the model's chat template or tokenizer refuses it: {' '.join(str(error).split())}"
            if stops:
                raise UserError(f"{problem}; 'data.on_error: drop' goes on without such rows") from error
            counts.drop("refused_by_template", problem)
            continue
        if preparation.too_long(row):
            counts.dropped["over_length"] += 1
            continue
        rows.append(row)
    if not rows:
        reasons = counts.reasons(before) or "it has none"
        raise UserError(f"dataset: no row of {source.name} is left to train on ({reasons})")
    return rows


def without_repetitions(rows: list[Row], counts: Counts) -> list[Row]:
    """The first of each row that stands in several data sets."""
    found: dict[str, Row] = {}
    for row in rows:
        found.setdefault(repr((row.prompt, row.completion)), row)
    counts.dropped["duplicate"] += len(rows) - len(found)
    return list(found.values())


def decontaminated(
    rows: list[Row], evaluation: list[dict[str, Any]], preparation: Preparation, counts: Counts, treated: bool = False
) -> list[Row]:
    """The rows in which the user says nothing that an evaluation prompt says, if ``data.decontaminate`` says so.

    Args:
        treated: whether rows without instructions have been looked at before.
    """
    said = (contamination.said(row.prompt) for row in rows)
    matches = contamination.find(said, ((prompt["key"], prompt["prompt"]) for prompt in evaluation))
    matches = [match for match in matches if rows[match.row].types or not treated]
    for match in matches:
        place = rows[match.row].place
        counts.overlaps.setdefault(place, f"{place}: prompt {match.key}, {match.kind}: {match.words}")
    if not preparation.params.data.decontaminate:
        return rows
    counts.dropped["contaminated"] += len(matches)
    overlapping = {match.row for match in matches}
    return [row for index, row in enumerate(rows) if index not in overlapping]
