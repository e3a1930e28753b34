"""Columns that hold turns as text: in a CSV file a list of messages can stand in no other way.

A request may be about JSON. So a column holds turns only where each of its cells is a list of them, and nothing else.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from tuning.data.literal_json import list_in_text
from tuning.data.rows import RowError

Found = tuple[str, dict[str, Any] | RowError]
_TURNS = ({"role", "content"}, {"from", "value"})


def with_turns(rows: Iterator[Found], columns: Iterable[str], say: Callable[[str], None]) -> Iterator[Found]:
    """The rows, with lists of turns in the place of texts where all of a column is such text.

    Rows are read ahead only as long as no cell says otherwise, which in most data sets is one row.

    Args:
        columns: that may hold turns or text.
        say: shows a line to the user.
    """
    ahead: list[Found] = []
    open_columns, seen = set(columns), set()
    while open_columns and (found := next(rows, None)) is not None:
        ahead.append(found)
        place, row = found
        if isinstance(row, RowError):
            continue
        for column in sorted(open_columns):
            cell = row.get(column, 0)  # where there is no such column, no text
            if isinstance(cell, str) and turns_in_text(cell) is not None:
                seen.add(column)
            elif cell is not None and not (isinstance(cell, str) and not cell.strip()):
                open_columns.remove(column)
                if column in seen:
                    say(f"{place}: {column!r} is no list of turns as it is above, so all of the column is text")
    turned = open_columns & seen
    for place, row in chain(ahead, rows):
        yield place, row if isinstance(row, RowError) else _with_lists(row, turned)


def turns_in_text(text: str) -> list[dict[str, Any]] | None:
    """The turns that a text holds as JSON, or as Python writes it; None where it is anything else."""
    found = list_in_text(text)
    if found and all(isinstance(turn, dict) and any(keys <= set(turn) for keys in _TURNS) for turn in found):
        return found
    return None


def _with_lists(row: dict[str, Any], columns: set[str]) -> dict[str, Any]:
    texts = {column: row[column] for column in columns if isinstance(row.get(column), str)}
    return row | {column: found for column, text in texts.items() if (found := turns_in_text(text)) is not None}
