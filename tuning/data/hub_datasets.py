"""Rows with typed columns: of data sets of the Hub, and of Parquet files."""

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.config import references
from tuning.core.errors import UserError, explained
from tuning.model.commits import commit_of
from tuning.model.hub import explain

if TYPE_CHECKING:
    from datasets import Dataset

# Data sets with a loading script, which `datasets` no longer runs: the file that holds the rows of a split.
_FILES = {"GAIR/lima": "{split}.jsonl"}
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class HubDataset:
    """A part of a data set of the Hub.

    Attributes:
        name: its id.
        config: which of its configurations, which `datasets` also calls subsets; None: its default.
        split: which of its splits, or a part of one, such as ``train[:1000]``.
        revision: branch, tag or commit; None: ``main``.
    """

    name: str
    config: str | None = None
    split: str = "train"
    revision: str | None = None

    def pinned(self) -> "HubDataset":
        """The same at the commit at which its revision stands now.

        Raises:
            UserError: the Hub refuses it, or does not have it.
        """
        return replace(self, revision=commit_of("data set", self.name, self.revision))


def named(reference: str, key: str = "dataset") -> HubDataset:
    """The data set that ``id`` or ``id@revision`` names.

    Args:
        key: of params.yaml that has the name, for messages.

    Raises:
        UserError: it is neither.
    """
    name, revision = references.split(reference)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise UserError(f"{key}: {reference!r} is neither a local file nor the id of a data set of the Hub")
    if revision == "":
        raise UserError(f"{key}: a revision (branch, tag or commit) must follow the @ of {reference!r}")
    return HubDataset(name, revision=revision)


def parquet(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of a local Parquet file with its place.

    Raises:
        UserError: it cannot be read.
    """
    import datasets

    try:
        table = datasets.load_dataset("parquet", data_files=_pattern(name), split="train")
    except Exception as error:  # the library raises errors of many libraries
        raise _unreadable(name, error) from error
    yield from _numbered(name, table)


def read(dataset: HubDataset, key: str = "dataset") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of a data set of the Hub with its place.

    Args:
        key: of params.yaml that has its name, for messages.

    Raises:
        UserError: it is not there, or cannot be had or read.
    """
    with explain("data set", dataset.name, key):
        table = _table(dataset)
    loaded = _commit(table)
    if loaded and _COMMIT.fullmatch(dataset.revision or "") and loaded != dataset.revision:
        advice = "name that commit after an @, or go on when the Hub can be reached"
        raise UserError(f"data set {dataset.name!r}: the cache holds commit {loaded}, not {dataset.revision}: {advice}")
    yield from _numbered(dataset.name, table)


def _table(dataset: HubDataset) -> "Dataset":
    import datasets

    if dataset.name in _FILES and dataset.config is None:
        from huggingface_hub import hf_hub_download

        split = re.match(r"\w*", dataset.split)[0]
        file = _FILES[dataset.name].format(split=split)
        path = hf_hub_download(dataset.name, file, repo_type="dataset", revision=dataset.revision)
        return datasets.load_dataset("json", data_files={split: _pattern(path)}, split=dataset.split)
    return datasets.load_dataset(dataset.name, dataset.config, split=dataset.split, revision=dataset.revision)


def _pattern(path: str) -> str:
    """The pattern that a file alone matches: `datasets` takes names of files for patterns."""
    return glob.escape(str(Path(path).absolute()))


def _commit(table: "Dataset") -> str | None:
    """The commit that a table was made of, after which its folder in the cache is named."""
    folders = {Path(file["filename"]).parent.name for file in table.cache_files}
    return next(filter(_COMMIT.fullmatch, folders), None)


def _numbered(name: str, table: "Dataset") -> Iterator[tuple[str, dict[str, Any]]]:
    for feature in table.info.features.values():
        _keep_encoded(feature)
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


def _keep_encoded(feature: Any) -> None:
    """Leaves images, sounds and other media as their bytes: no schema has them, and one may be broken.

    Args:
        feature: of a column, or of what stands in it.
    """
    from datasets import Json

    if isinstance(feature, dict):
        inside = list(feature.values())
    else:
        inside = feature if isinstance(feature, list) else [feature.feature] if hasattr(feature, "feature") else []
    for each in inside:
        _keep_encoded(each)
    if getattr(feature, "decode", False) and not isinstance(feature, Json):
        feature.decode = False


def _unreadable(name: str, error: Exception) -> UserError:
    return UserError(f"{name}: cannot be read as a data set: {explained(error.__cause__ or error)}")
