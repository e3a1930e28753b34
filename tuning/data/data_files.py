"""Local files of rows: JSON, JSON Lines, CSV, TSV and Parquet, in UTF-8, UTF-16 or UTF-32, packed or not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ifeval.unpacking import UnpackingError, unpacked
from tuning.core.errors import UserError
from tuning.data import csv_files, json_files, parquet_files
from tuning.data.literal_json import LITERAL
from tuning.data.rows import RowError
from tuning.model.chat_template import well_formed

_PACKED = (".gz", ".bz2", ".xz")
KINDS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_ENDINGS = f"{', '.join(KINDS[:-1])} (also with {', '.join(_PACKED)}) or {KINDS[-1]}"
# What files of no kind above begin with, and what is to be done.
_OTHERS = {
    b"PK\x03\x04": "is a ZIP archive or a spreadsheet: unpack it, or save the sheet as CSV",
    b"\x28\xb5\x2f\xfd": "is packed with Zstandard: unpack it, or pack it with gzip",
    b"version https://git-lfs": "is a pointer of Git LFS and not the file itself: run `git lfs pull` in its repository",
    b"PAR1": "is a Parquet file: its name must end with .parquet",
}


def kind(path: Path) -> str:
    """The ending that says what a file is, a last one of packing left out; empty where it says nothing known."""
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in _PACKED:
        endings.pop()
        if endings and endings[-1] == ".parquet":  # which no library reads packed
            return ""
    return endings[-1] if endings and endings[-1] in KINDS else ""


def is_file(name: str) -> bool:
    """Whether a name is a local file's and not that of a data set of the Hub; the file need not exist."""
    path = Path(name)
    return bool(kind(path)) or path.suffix.lower() in (*_PACKED, ".zst") or path.exists()


def read(name: str, decoder: json.JSONDecoder = LITERAL) -> Iterator[tuple[str, dict[str, Any] | RowError]]:
    """Each row with its place in the file; an error takes the place of a row that cannot be read.

    Args:
        decoder: of JSON; by default numbers keep their characters.

    Raises:
        UserError: the file is not there, of no known kind, without rows, or cannot be read as a whole.
    """
    rows = _rows(name, decoder)
    if (first := next(rows, None)) is None:
        raise UserError(f"{name}: there is no row in it")
    yield first
    yield from rows


def _rows(name: str, decoder: json.JSONDecoder) -> Iterator[tuple[str, dict[str, Any] | RowError]]:
    path, ending = Path(name), kind(Path(name))
    if not path.exists():
        advice = "; an address is not read: fetch the file first" if "://" in name else ""
        raise UserError(f"{name}: there is no such file{advice}")
    if path.is_dir():
        raise UserError(f"{name}: a file is expected, not a folder: name a file in it, or a list of them")
    if not path.is_file():
        raise UserError(f"{name}: a file is expected, not a pipe or a device")
    if not ending:
        raise UserError(_other_kind(path) or f"{name}: a data file must end with {_ENDINGS}")
    if ending == ".parquet":
        yield from parquet_files.rows(path)
    elif ending in (".csv", ".tsv"):
        yield from csv_files.rows(name, json_files.decoded(name, _utf8(path)), "\t;," if ending == ".tsv" else ",;\t")
    else:
        yield from json_files.rows(name, _utf8(path), decoder, is_lines=ending != ".json")


def _utf8(path: Path) -> bytes:
    """The file's content, unpacked and in UTF-8 without a byte order mark."""
    try:
        data = unpacked(path.read_bytes(), path)
    except UnpackingError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    if problem := _other_kind(path, data):
        raise UserError(problem)
    encoding = json.detect_encoding(data)
    if encoding.startswith("utf-8"):
        return re.sub(rb"^(\xef\xbb\xbf)+", b"", data)
    try:
        return well_formed(data.decode(encoding, "surrogatepass")).encode()
    except UnicodeError as error:
        if encoding[-2:] in ("le", "be"):  # no mark said so, but zeros, which a disk that was full leaves too
            return data
        raise UserError(f"{path}: looks like {encoding.upper()} and is not ({error})") from None


def _other_kind(path: Path, data: bytes | None = None) -> str | None:
    """What a file is that is none of rows, by how its content begins, and what to do; None where that says nothing."""
    if data is None:
        with path.open("rb") as file:
            data = file.read(64)
    return next((f"{path} {problem}" for start, problem in _OTHERS.items() if data.startswith(start)), None)
