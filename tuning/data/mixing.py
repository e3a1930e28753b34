"""Several data sets as one, in given proportions."""

import random
from typing import Any, TypeVar

from tuning.core.errors import UserError

Row = TypeVar("Row")


def parts(dataset: str | list[dict[str, Any]]) -> list[tuple[str, float]]:
    """Names and weights: of a single name, or of a list of ``{name, weight}`` whose weights default to 1.

    Raises:
        UserError: an entry has other keys, no name, or a weight that is not positive.
    """
    if isinstance(dataset, str):
        return [(dataset, 1.0)]
    found = []
    for entry in dataset:
        entry = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or set(entry) - {"name", "weight"}:
            raise UserError(f"dataset: an entry is a name, or has 'name' and 'weight', not {entry!r}")
        weight = entry.get("weight", 1.0)
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or weight <= 0:
            raise UserError(f"dataset: the weight of {entry['name']!r} must be a positive number, not {weight!r}")
        found.append((entry["name"], float(weight)))
    if not found:
        raise UserError("dataset: the list is empty")
    return found


def mix(sources: list[tuple[list[Row], float]], seed: int) -> list[Row]:
    """As many rows as can be had in the proportions of the weights without repeating any, shuffled by the seed.

    Args:
        sources: rows and weight of each data set. A single one is returned as it is.
    """
    if len(sources) == 1:
        return sources[0][0]
    draw = random.Random(seed)
    scale = min(len(rows) / weight for rows, weight in sources)
    mixed = [row for rows, weight in sources for row in draw.sample(rows, min(len(rows), round(scale * weight)))]
    draw.shuffle(mixed)
    return mixed
