"""JSON Lines, plain or gzipped, from a file or standard input, with errors that name the line."""

import codecs
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ifeval.unpacking import UnpackingError, unpacked


class RecordError(ValueError):
    """A file that cannot be used; the message names it and the line."""


def read_lines(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each object of a JSONL file with its line number, from 1; blank lines are skipped.

    Raises:
        RecordError: the file cannot be read, or a line is not a JSON object in UTF-8.
    """
    content = _read(path).removeprefix(codecs.BOM_UTF8)
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise RecordError(f"{where}: not UTF-8 ({error.reason})") from None
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{where}: not JSON ({error})") from None
        if not isinstance(row, dict):
            raise RecordError(f"{where}: a JSON object is expected, not {type(row).__name__}")
        yield number, row


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
        return unpacked(sys.stdin.buffer.read() if str(path) == "-" else Path(path).read_bytes(), path)
    except FileNotFoundError:
        raise RecordError(f"{path}: there is no such file") from None
    except UnpackingError as error:
        raise RecordError(str(error)) from None
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error})") from None
