"""The data sets that the key ``dataset`` names."""

from pathlib import Path
from typing import Any

from tuning.config import yaml_file
from tuning.core.errors import UserError

SUFFIXES = (".yaml", ".yml")


def entries(dataset: str | dict[str, Any] | list[Any]) -> tuple[str, list[Any]]:
    """The data sets, each a name or a mapping with a name and more, and where they are named, for messages.

    Args:
        dataset: one of them, a list, or the path of a YAML file that holds such a list.

    Raises:
        UserError: the file is missing, is not YAML or holds something else, or the list is empty.
    """
    where, listed = "dataset", dataset
    if isinstance(dataset, str) and Path(dataset).suffix in SUFFIXES:
        if not Path(dataset).is_file():
            raise UserError(f"dataset: {dataset!r} is no file here")
        where, listed = f"dataset: {dataset}", yaml_file.load(Path(dataset), list)
    if not isinstance(listed, list):
        listed = [listed]
    if not listed:
        raise UserError(f"{where}: the list is empty")
    return where, listed


def names(dataset: str | dict[str, Any] | list[Any]) -> list[str]:
    """The name of each data set, its ``@revision`` included.

    Raises:
        UserError: as ``entries``.
    """
    return [entry if isinstance(entry, str) else entry["name"] for entry in entries(dataset)[1]]
