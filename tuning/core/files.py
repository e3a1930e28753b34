"""Files written whole or not at all, so that an interrupted stage leaves what was there."""

import json
import os
import shutil
from collections.abc import Iterable
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from ifeval.jsonl import dump_line
from tuning.core.errors import UserError


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON, keys in the order given."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes one JSON object a line."""
    write_bytes(path, b"".join(map(dump_line, rows)))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a new file beside the old one and puts it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    os.replace(new, path)


@contextmanager
def new_folder(path: Path):
    """A fresh folder to fill, which takes the place of ``path`` when the block ends without an error."""
    new, old = path.with_name(path.name + ".new"), path.with_name(path.name + ".old")
    for leftover in (new, old):
        shutil.rmtree(leftover, ignore_errors=True)
    new.mkdir(parents=True)
    yield new
    if path.exists():
        path.rename(old)  # removing it takes time in which neither would be whole
    new.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def read_json(path: Path) -> Any:
    """The value in a file that a stage has written.

    Raises:
        UserError: no stage has written it yet.
    """
    return json.loads(_text(path))


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The objects of a file that a stage has written, one a line.

    Raises:
        UserError: no stage has written it yet.
    """
    return [json.loads(line) for line in _text(path).split("\n") if line]


def _text(path: Path) -> str:
    return _bytes(path).decode("utf-8")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"{path} is not here: run the stage that writes it, or `dvc repro`, which runs all of them in order"
        ) from None


def fingerprint(*parts: Any) -> str:
    """Sixteen hexadecimal digits that change with any of the parts: files or folders (Path), or JSON values.

    Raises:
        UserError: a file is not there, since no stage has written it yet.
    """
    digest = sha256()
    for part in parts:
        if isinstance(part, Path):
            files = sorted(path for path in part.rglob("*") if path.is_file()) if part.is_dir() else [part]
            for file in files:
                digest.update(sha256(_bytes(file)).digest())
        else:
            digest.update(json.dumps(part, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]
