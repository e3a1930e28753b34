"""JSON Lines, plain or gzipped, from a file or standard input, with errors that name the line."""

import codecs
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ifeval.parameters import one_line
from ifeval.unpacking import UnpackingError, unpacked

# Files that people take for JSON lines, by how they begin, and what is to be done with them.
_NO_TEXT = {
    b"PK\x03\x04": ("a zip archive", "unpack it first"),
    b"\x28\xb5\x2f\xfd": ("packed by zstd", "unpack it first"),
    b"PAR1": ("a Parquet file", "write its rows as JSON lines first"),
}


class RecordError(ValueError):
    """A file that cannot be used; the message names it and the line."""


def read_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object of a JSONL file with its line number, from 1; blank lines are skipped.

    Raises:
        RecordError: the file cannot be read, or a line is not a JSON object in UTF-8.
    """
    content = _read(path)
    for start, (kind, advice) in _NO_TEXT.items():
        if content.startswith(start):
            raise RecordError(f"{named(path)}: not UTF-8 but {kind}; {advice}")
    for number, line in enumerate(content.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{named(path)}, line {number}"
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise RecordError(f"{where}: not UTF-8 ({error.reason}); save it as UTF-8") from None
        except (ValueError, RecursionError) as error:
            # UTF-16 without a mark at its beginning can be read as UTF-8, with a zero beside each letter.
            advice = "save it as UTF-8" if b"\0" in line else "one object a line is expected"
            raise RecordError(f"{where}: not JSON ({_fault(error)}); {advice}") from None
        if not isinstance(row, dict):
            raise RecordError(f"{where}: not a JSON object but {json_kind(row)}; one object a line is expected")
        yield number, row


def named(path: str | Path) -> str:
    """A file as messages name it."""
    return "standard input" if str(path) == "-" else one_line(path, most=4096)


def json_kind(value: Any) -> str:
    """What JSON calls a value that it may hold."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "an infinite number"
    kinds = {str: "a string", int: "a number", float: "a number", list: "an array", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)


def _fault(error: Exception) -> str:
    """What is wrong with a line; Python's own words name a line too, which is always the first."""
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else one_line(error)


def dump_line(row: dict[str, Any]) -> bytes:
    """One line of a JSONL file: readable UTF-8, lone surrogates escaped, so that it can be read back; NaN is null."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(row), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _finite(value: Any) -> Any:
    """The value with None in the place of numbers that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _read(path: str | Path) -> bytes:
    try:
        return unpacked(sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes(), named(path))
    except FileNotFoundError:
        raise RecordError(f"{named(path)}: there is no such file") from None
    except UnpackingError as error:
        raise RecordError(str(error)) from None
    except OSError as error:
        raise RecordError(f"{named(path)}: cannot be read ({error.strerror or one_line(error)})") from None
