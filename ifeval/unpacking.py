"""Packed files (gzip, bzip2, xz), unpacked up to a limit, since a few kilobytes may stand for gigabytes.

Text is seldom packed more than ten times. So the limit holds only for what is packed far more than that.
"""

import bz2
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = "IFEVAL_MAX_UNPACKED_MIB"  # the environment variable that changes how much a packed file may unpack to
LIMIT_MIB = 256
MOST_PACKED = 32  # times; up to this, a file may unpack to more than the limit
_OPEN = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}  # by how such a file begins
_LAYERS = 3  # a file can be made that unpacks to itself for ever


class UnpackingError(ValueError):
    """A file that cannot be unpacked, or to more than is allowed; the message names it."""


def unpacked(data: bytes, path: str | Path) -> bytes:
    """The content of a packed file, also of one that is packed twice; any other as it is.

    Args:
        data: what the file holds.
        path: names the file in messages.

    Raises:
        UnpackingError: it is damaged, or unpacks to more than the limit, or the limit is no number.
    """
    packed = len(data)
    for _ in range(_LAYERS):
        opens = _opener(data)
        if opens is None:
            return data
        data = _layer(data, path, opens, most_bytes(packed))
    if _opener(data):
        raise UnpackingError(f"{path}: is packed more than {_LAYERS} times: unpack it")
    return data


def most_bytes(packed: int) -> int:
    """How many bytes a file of ``packed`` bytes may unpack to.

    Raises:
        UnpackingError: the environment variable holds no whole number.
    """
    return max(_limit_mib() << 20, MOST_PACKED * packed)


def too_much(path: str | Path) -> UnpackingError:
    """The error of a file that unpacks to more than ``most_bytes``."""
    return UnpackingError(
        f"{path}: unpacks to more than {_limit_mib()} MiB, and more than {MOST_PACKED} times its size; set the "
        f"environment variable {LIMIT} to a higher number of MiB if that is meant"
    )


def _limit_mib() -> int:
    given = os.environ.get(LIMIT, str(LIMIT_MIB)).strip()
    if not (given.isascii() and given.isdecimal() and len(given) < 10):
        raise UnpackingError(f"the environment variable {LIMIT} must be a whole number of MiB, not {given[:40]!r}")
    return int(given)


def _opener(data: bytes) -> Callable[..., Any] | None:
    return next((opens for start, opens in _OPEN.items() if data.startswith(start)), None)


def _layer(data: bytes, path: str | Path, opens: Callable[..., Any], most: int) -> bytes:
    try:
        with opens(io.BytesIO(data)) as file:
            content = file.read(most + 1)
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        raise UnpackingError(f"{path}: cannot be read ({error})") from None
    if len(content) > most:
        raise too_much(path)
    return content
