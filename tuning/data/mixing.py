"""Several data sets as one, in given proportions."""

import math
import random
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tuning.config import data_sets
from tuning.core.errors import UserError
from tuning.data.origins import Origin, origin, pinned
from tuning.data.schemas import SCHEMAS, columns_of
from tuning.model.hub import borrow

Row = TypeVar("Row")
_PARTS = ("config", "split", "revision")


@dataclass(frozen=True)
class Source:
    """A data set with its weight in the mix, and its own names of columns (``data.columns``)."""

    origin: Origin
    weight: float = 1.0
    columns: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """Its path, or its id on the Hub."""
        return self.origin if isinstance(self.origin, str) else self.origin.name

    def pinned(self) -> "Source":
        """The same at the commit at which the data set's revision stands now.

        Raises:
            UserError: the Hub refuses it, or does not have it.
        """
        return replace(self, origin=pinned(self.origin))


def sources(dataset: str | dict[str, Any] | list[Any], columns: dict[str, str] | None = None) -> list[Source]:
    """The data sets that the key ``dataset`` names (see ``tuning.config.data_sets``).

    Args:
        columns: of entries that have none of their own.

    Raises:
        UserError: there is none, or an entry has other keys, no name, a weight that is not positive, or columns that
            are no mapping of a schema's columns.
    """
    if isinstance(dataset, str):
        borrow(dataset)
    where, entries = data_sets.entries(dataset)
    return [_source({"name": entry} if isinstance(entry, str) else entry, columns, where) for entry in entries]


def _source(entry: Any, columns: dict[str, str] | None, where: str) -> Source:
    known = {"name", "weight", "columns", *_PARTS}
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or set(entry) - known:
        keys = "'weight', 'columns', 'config', 'split' and 'revision'"
        raise UserError(f"{where}: an entry is a name, or has 'name' and, as needed, {keys}, not {entry!r}")
    name, weight, own = entry["name"], entry.get("weight", 1.0), entry.get("columns", columns)
    number = isinstance(weight, (int, float)) and not isinstance(weight, bool)
    if not number or not 0 < weight < math.inf:
        raise UserError(f"{where}: the weight of {name!r} must be a positive number, not {weight!r}")
    if own is not None and not (isinstance(own, dict) and all(isinstance(each, str) for each in own.values())):
        raise UserError(f"{where}: the columns of {name!r} must map a schema's columns to its own, not {own!r}")
    _check_columns(own or {}, f"{where}: 'columns' of {name!r}" if "columns" in entry else "'data.columns'")
    parts = {key: entry[key] for key in _PARTS if key in entry}
    for key, value in parts.items():
        if value is not None and not (isinstance(value, str) and value):
            raise UserError(f"{where}: {key!r} of {name!r} must be text, not {value!r}")
    return Source(origin(name, parts, where), float(weight), own)


def _check_columns(columns: dict[str, str], where: str) -> None:
    known = {column for schema in SCHEMAS for column in columns_of(schema)}
    for column, own in columns.items():
        if column not in known:
            advice = "write the schema's column first, as in {prompt: question, completion: answer}"
            raise UserError(f"{where}: {column!r}, for {own!r}, is no schema's column; {advice}")


def mix(parts: list[tuple[list[Row], float]], seed: int) -> list[Row]:
    """The largest mix in proportion to the weights that repeats no row, shuffled by the seed.

    Args:
        parts: rows and weight of each data set. A single one is returned as it is.
    """
    if len(parts) == 1:
        return parts[0][0]
    draw = random.Random(seed)
    mixed = [row for (rows, _), count in zip(parts, shares(parts), strict=True) for row in draw.sample(rows, count)]
    draw.shuffle(mixed)
    return mixed


def shares(parts: list[tuple[list[Row], float]]) -> list[int]:
    """How many rows of each data set are in the mix."""
    scale = min(len(rows) / weight for rows, weight in parts)
    return [min(len(rows), round(scale * weight)) for rows, weight in parts]
