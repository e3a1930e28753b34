"""Rows of CSV files, each cell with its own characters: nothing is taken for a number, a date or a missing value."""

import csv
import io
import re
import sys
from collections.abc import Iterator
from typing import Any

from tuning.core.errors import UserError
from tuning.data.rows import RowError


def rows(name: str, text: str, delimiters: str) -> Iterator[tuple[str, dict[str, Any] | RowError]]:
    """Each row with its place; an error takes the place of a row that does not fit the header.

    Args:
        name: the file's, for places and messages.
        delimiters: the first of these that divides the header is the file's.

    Raises:
        UserError: the header, or the file as a whole, cannot be read.
    """
    csv.field_size_limit(sys.maxsize)
    said = re.match(r"sep=(.)(\r\n?|\n)", text)  # a line with which Excel names the delimiter
    records = _records(name, text, said[1] if said else _delimiter(text, delimiters))
    if said:
        next(records)
    place, header = next(((place, record) for place, record in records if not _blank(record)), ("", []))
    if isinstance(header, RowError):
        raise UserError(f"{place}: {header}")
    header = [column.strip() for column in header]
    while header and not header[-1]:  # as spreadsheets leave them
        header.pop()
    for column in header:
        if column and header.count(column) > 1:
            raise UserError(f"{place}: the column {column!r} stands twice in the header")
    for place, record in records:
        if not _blank(record):
            yield place, _row(header, record)


def _records(name: str, text: str, delimiter: str) -> Iterator[tuple[str, list[str] | RowError]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        place = f"{name}, line {reader.line_num + 1}"
        try:
            yield place, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise UserError(f"{place}: a quote that opens in this row is never closed") from None
            yield place, RowError("not_csv", f"not CSV ({error}); a quote inside a quoted cell is written twice")


def _delimiter(text: str, delimiters: str) -> str:
    header = next((line for line in io.StringIO(text, newline=None) if line.strip()), "")
    header = re.sub(r'"[^"]*"', "", header)  # what is quoted divides nothing
    return next((each for each in delimiters if each in header), delimiters[0])


def _blank(record: list[str] | RowError) -> bool:
    return not isinstance(record, RowError) and not any(cell.strip() for cell in record)


def _row(header: list[str], record: list[str] | RowError) -> dict[str, Any] | RowError:
    if isinstance(record, RowError):
        return record
    if any(cell.strip() for cell in record[len(header) :]):
        return RowError(
            "not_csv", f"{len(record)} cells, but the header has {len(header)}: put text with commas in quotes"
        )
    # What pandas writes begins with a blank header, over the numbers of the rows.
    return {column: cell for column, cell in zip(header, record, strict=False) if column}
