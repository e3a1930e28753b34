"""Files written whole or not at all, so that an interrupted stage leaves what was there."""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from ifeval.jsonl import dump_line
from tuning.core.errors import UserError, explained, writing
from tuning.core.redaction import redacted_bytes

_WRITTEN = "run the stage that writes it, or `dvc repro`, which runs all of them in order"


def write_json(path: Path, value: Any) -> None:
    """Writes indented JSON, keys in the order given.

    Raises:
        UserError: a number in it is not finite, which JSON cannot hold.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    except ValueError:
        found = ", ".join(f"{name} is {number}" for name, number in _not_finite(value))
        raise UserError(f"{path} is not written: {found or 'it holds itself'}") from None
    write_bytes(path, (text + "\n").encode("utf-8", "backslashreplace"))


def _not_finite(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """The numbers in a value that are not finite, with the keys that lead to each."""
    if isinstance(value, float) and not math.isfinite(value):
        yield name, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, each in items:
        yield from _not_finite(each, f"{name}.{key}" if name else str(key))


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Writes one JSON object a line."""
    write_bytes(path, b"".join(map(dump_line, rows)))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a new file, without the environment's secrets, beside the old one and puts it in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = _beside(path, "new")
    _remove(new)
    try:
        with writing(path):
            new.write_bytes(redacted_bytes(content))
        os.replace(new, path)
    except OSError:
        _remove(new)  # of a full disk, a part
        raise


@contextmanager
def new_folder(path: Path):
    """A fresh folder to fill, which takes the place of ``path`` when the block ends without an error.

    A link in its place is replaced, and what it leads to stays as it is. Files get the mode that the user's umask
    gives, since some libraries write them for their owner alone.
    """
    new, old = _beside(path, "new"), _beside(path, "old")
    for leftover in (new, old):
        _remove(leftover)
    new.mkdir(parents=True)
    try:
        yield new
        for file in new.rglob("*"):
            if file.is_file() and not file.is_symlink():
                file.chmod(0o666 & ~umask())
    except BaseException:
        _remove(new)
        raise
    if os.path.lexists(path):
        path.rename(old)  # a rename is instant; removing takes time, in which neither folder would be complete
    new.rename(path)
    _remove(old)


def check_outputs(files: Iterable[Path] = (), folders: Iterable[Path] = ()) -> None:
    """Finds out, before the work, that its results could not be written after it.

    Raises:
        UserError: a folder is where a file is to be, or the other way round, or a place cannot be written to.
    """
    files, folders = list(files), list(folders)
    for path in files:
        if path.is_dir() and not path.is_symlink():
            raise UserError(f"{path} is a folder, and a file is to be written there: move it away")
    for path in folders:
        if path.is_file():
            raise UserError(f"{path} is a file, and a folder is to be written there: move it away")
    for parent in dict.fromkeys(path.parent for path in [*files, *folders]):
        try:
            parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=parent) as file:
                file.write(b"1")
        except OSError as error:
            raise UserError(f"{parent} cannot be written to: {explained(error)}") from error


def _beside(path: Path, what: str) -> Path:
    """A name for what is not finished, or no longer needed: hidden, so that it is no file of the user's."""
    return path.with_name(f".{path.name}.{what}")


def umask() -> int:
    """The user's mask for the modes of new files; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _remove(path: Path) -> None:
    """Removes a file, a link or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """The value in a file that a stage has written.

    Raises:
        UserError: no stage has written it yet, or it is damaged.
    """
    try:
        return json.loads(_text(path))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): {_WRITTEN}") from None


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The objects of a file that a stage has written, one a line.

    Raises:
        UserError: no stage has written it yet, or a line is damaged.
    """
    rows = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        try:
            rows += [json.loads(line)] if line else []
        except ValueError as error:
            raise UserError(f"{path}, line {number}, is damaged ({error}): {_WRITTEN}") from None
    return rows


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged ({error}): {_WRITTEN}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is not here: {_WRITTEN}") from None


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
