"""Several data sets as one, in given proportions."""

import math
import random
from dataclasses import dataclass
from typing import Any, TypeVar

from tuning.core.errors import UserError

Row = TypeVar("Row")


@dataclass(frozen=True)
class Source:
    """A data set with its weight in the mix, and its own names of columns (``data.columns``)."""

    name: str
    weight: float = 1.0
    columns: dict[str, str] | None = None


def sources(dataset: str | list[Any], columns: dict[str, str] | None = None) -> list[Source]:
    """The data sets that the key ``dataset`` names: one, or a list of ``{name, weight, columns}``.

    Args:
        columns: of entries that have none of their own.

    Raises:
        UserError: an entry has other keys, no name, a weight that is not positive, or columns that are no mapping.
    """
    if isinstance(dataset, str):
        return [Source(dataset, columns=columns)]
    if not dataset:
        raise UserError("dataset: the list is empty")
    return [_source({"name": entry} if isinstance(entry, str) else entry, columns) for entry in dataset]


def _source(entry: Any, columns: dict[str, str] | None) -> Source:
    known = {"name", "weight", "columns"}
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or set(entry) - known:
        raise UserError(f"dataset: an entry is a name, or has 'name', 'weight' and 'columns', not {entry!r}")
    name, weight, own = entry["name"], entry.get("weight", 1.0), entry.get("columns", columns)
    number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if not number or not 0 < weight < math.inf:
        raise UserError(f"dataset: the weight of {name!r} must be a positive number, not {weight!r}")
    if own is not None and not (isinstance(own, dict) and all(isinstance(each, str) for each in own.values())):
        raise UserError(f"dataset: the columns of {name!r} must map a schema's columns to its own, not {own!r}")
    return Source(name, float(weight), own)


def mix(parts: list[tuple[list[Row], float]], seed: int) -> list[Row]:
    """The largest mix in proportion to the weights that repeats no row, shuffled by the seed.

    Args:
        parts: rows and weight of each data set. A single one is returned as it is.
    """
    if len(parts) == 1:
        return parts[0][0]
    draw = random.Random(seed)
    scale = min(len(rows) / weight for rows, weight in parts)
    mixed = [row for rows, weight in parts for row in draw.sample(rows, min(len(rows), round(scale * weight)))]
    draw.shuffle(mixed)
    return mixed
