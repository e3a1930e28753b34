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
    begins = _beginning(text[said.end() :] if said else text)
    delimiter = said[1] if said else next((each for each in delimiters if each in begins), delimiters[0])
    records = _records(name, text, delimiter, _is_spaced(begins, delimiter))
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


class _Lines:
    """The lines of a text, and how many quotes have stood in them since ``quotes`` was set to zero."""

    def __init__(self, text: str):
        self.lines, self.quotes = io.StringIO(text, newline=""), 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.quotes += line.count('"')
        return line


def _records(name: str, text: str, delimiter: str, spaced: bool) -> Iterator[tuple[str, list[str] | RowError]]:
    """Each record with its place; an error takes the place of one that is broken.

    After an error the reader goes on at the next line, which may still be of the broken record. Where an odd number of
    quotes was read of it, the next record with an odd number is its rest, unless a whole row stands between them.
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced, strict=True)
    unfinished = False
    while True:
        place, lines.quotes = f"{name}, line {reader.line_num + 1}", 0
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error):
                raise UserError(f"{place}: a quote that opens in this row is never closed") from None
            yield place, RowError("not_csv", f"not CSV ({error}); a quote inside a quoted cell is written twice")
            unfinished = unfinished or lines.quotes % 2 == 1
            continue
        if unfinished and lines.quotes % 2 == 1:
            yield place, RowError("not_csv", "the rest of the row above that is not CSV")
            unfinished = False
            continue
        unfinished = unfinished and len(record) < 2
        yield place, record


def _beginning(text: str) -> str:
    """The first line that is not blank, without what is in quotes, which divides nothing."""
    line = next((line for line in io.StringIO(text, newline=None) if line.strip()), "")
    return re.sub(r'"[^"]*"', '""', line)


def _is_spaced(header: str, delimiter: str) -> bool:
    """Whether a blank after the delimiter is none of a cell's: one of the header's cells begins with it."""
    return delimiter != " " and any(cell.startswith(" ") and cell.strip() for cell in header.split(delimiter)[1:])


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
