"""Where rows come from: a file that is here, or a data set of the Hub."""

from collections.abc import Iterator
from typing import Any

from tuning.core.errors import UserError
from tuning.data import data_files, hub_datasets
from tuning.data.hub_datasets import HubDataset
from tuning.data.rows import RowError
from tuning.model.hub import borrow

Origin = str | HubDataset  # the path of a file, or a data set


def origin(name: str, parts: dict[str, str | None] | None = None, key: str = "dataset") -> Origin:
    """What a name in params.yaml stands for.

    Args:
        name: a local file, or ``id`` or ``id@revision`` of the Hub.
        parts: ``config``, ``split`` and ``revision`` of a data set of the Hub, as far as they are given.
        key: of params.yaml that has the name, for messages.

    Raises:
        UserError: it is neither, or a file has such parts, or the revision is given twice.
    """
    borrow(name)
    parts = {key: value for key, value in (parts or {}).items() if value is not None}
    if data_files.is_file(name):
        if parts:
            raise UserError(f"{key}: {name!r} is a local file, which has no {' or '.join(map(repr, parts))}")
        return name
    found = hub_datasets.named(name, key)
    if "revision" in parts and found.revision is not None:
        raise UserError(f"{key}: {name!r} has a 'revision' too, {parts['revision']!r}: keep one of them")
    return HubDataset(**{"name": found.name, "revision": found.revision} | parts)


def pinned(origin: Origin) -> Origin:
    """The same at the commit at which its revision stands now; a file as it is.

    Raises:
        UserError: the Hub refuses it, or does not have it.
    """
    return origin if isinstance(origin, str) else origin.pinned()


def rows(origin: Origin, *decoder: Any, key: str = "dataset") -> Iterator[tuple[str, dict[str, Any] | RowError]]:
    """Each row with its place; an error takes the place of a row of a file that cannot be read.

    Args:
        decoder: of a file's JSON, see ``data_files.read``.
        key: of params.yaml that has the name, for messages.

    Raises:
        UserError: it is not there, or cannot be had or read.
    """
    return data_files.read(origin, *decoder) if isinstance(origin, str) else hub_datasets.read(origin, key)


def commit(origin: Origin) -> dict[str, str | None] | None:
    """What metrics/data.json says of a data set of the Hub that was pinned; None of a file."""
    if isinstance(origin, str):
        return None
    return {"name": origin.name, "config": origin.config, "split": origin.split, "commit": origin.revision}
