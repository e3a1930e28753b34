"""Rows with typed columns: of data sets of the Hub, and of Parquet files."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tuning.core.errors import UserError


def parquet(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of a local Parquet file with its place.

    Raises:
        UserError: it cannot be read.
    """
    import datasets

    try:
        table = datasets.load_dataset("parquet", data_files=name, split="train")
    except Exception as error:  # the library raises errors of many libraries
        raise _unreadable(name, error) from error
    yield from _numbered(name, table)


def read(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of the split ``train`` of a data set of the Hub with its place.

    Raises:
        UserError: it is not there, or cannot be had or read.
    """
    from tuning.model.hub import explain

    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise UserError(f"dataset: {name!r} is neither a local file nor the id of a data set of the Hub")
    import datasets

    try:
        with explain("data set", name):
            if name == "GAIR/lima":  # `datasets` no longer runs its loading script; the data file itself can be read
                table = datasets.load_dataset("json", data_files="hf://datasets/GAIR/lima/train.jsonl", split="train")
            else:
                table = datasets.load_dataset(name, split="train")
    except UserError:
        raise
    except Exception as error:  # the library raises errors of many libraries
        raise _unreadable(name, error) from error
    yield from _numbered(name, table)


def _numbered(name: str, table: Iterable[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    number, rows = 0, iter(table)
    while True:
        number += 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except Exception as error:  # of the library that decodes a column
            raise _unreadable(f"{name}, row {number}", error) from error
        yield f"{name}, row {number}", row


def _unreadable(name: str, error: Exception) -> UserError:
    cause = error.__cause__ or error
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return UserError(f"{name}: cannot be read as a data set: {lines[0]}")
