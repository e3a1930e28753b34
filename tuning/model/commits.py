"""Which commit of the Hub's repositories a run uses: found out once, in prepare, and then the same in all stages."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuning.config.params import Params
from tuning.config.references import is_hub_id
from tuning.core.files import read_json
from tuning.core.paths import COMMITS
from tuning.model.hub import borrow, explain
from tuning.model.hub_connection import connect

Commits = dict[str, dict[str, str | None]]
"""By role (``model``, ``tokenizer``): ``name``, ``revision`` as it was asked for, and ``commit``. Local folders are
left out, and so is the tokenizer that comes with the model."""
_SAMPLE = 1 << 20  # bytes


def current(params: Params) -> Commits:
    """The commits at which model and tokenizer stand on the Hub, or, where it cannot be reached, in its cache.

    Raises:
        UserError: the Hub refuses one of them, or does not have it.
    """
    return {
        role: {"name": name, "revision": revision, "commit": commit_of("model", name, revision)}
        for role, (name, revision) in _asked(params).items()
    }


def pinned(params: Params, commits: Commits | None = None) -> Params:
    """The parameters with commits in the place of the revisions of model and tokenizer.

    Args:
        commits: None: those that prepare has written down, as far as they are of the same names and revisions.
    """
    asked = _asked(params)
    if asked:
        connect()
    if commits is None:
        commits = read_json(COMMITS) if asked and COMMITS.is_file() else {}
    for role, (name, revision) in asked.items():
        known = commits.get(role, {})
        if (known.get("name"), known.get("revision")) == (name, revision):
            params = _at(params, role, known["commit"])
    return params


def revisions(params: Params) -> list[Any]:
    """Revisions or commits of model and tokenizer, and the state of local folders, for what depends on them."""
    asked = [section.arguments.get("revision") for section in (params.model_config, params.tokenizer_config)]
    return [*asked, *(_state(Path(name)) for name in (params.model, params.tokenizer) if name)]


def _state(folder: Path) -> list[tuple[str, int, str]]:
    """What tells a local folder's files from those that replace them: names, sizes, and hashes of samples."""
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    seen = [name for name in names if not any(part.startswith(".") for part in name.parts)]
    return [(str(name), (folder / name).stat().st_size, _sampled(folder / name)) for name in seen]


def _sampled(path: Path) -> str:
    """A hash of a file's beginning, middle and end."""
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        for start in (0, size // 2, size - _SAMPLE):
            file.seek(max(0, start))
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def commit_of(kind: str, name: str, revision: str | None) -> str | None:
    """The commit at which a branch or tag of a repository stands; None for what is not of the Hub.

    Args:
        kind: ``model`` or ``data set``.

    Raises:
        UserError: the Hub refuses it, does not have it, or cannot be reached and its cache does not have it.
    """
    borrow(name)
    if not is_hub_id(name):
        return None
    connect()
    with explain(kind, name):
        return _commit(name, revision, "model" if kind == "model" else "dataset")


def _commit(name: str, revision: str | None, kind: str) -> str:
    """The same by a small file that nearly every repository has: so that the Hub's cache notes the revision too."""
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    file = "config.json" if kind == "model" else "README.md"
    try:
        return Path(hf_hub_download(name, file, revision=revision, repo_type=kind)).parent.name
    except LocalEntryNotFoundError:
        options = {"repo_type": kind, "local_files_only": True, "allow_patterns": file}
        return Path(snapshot_download(name, revision=revision, **options)).name
    except EntryNotFoundError:
        return HfApi().repo_info(name, revision=revision, repo_type=kind).sha


def _asked(params: Params) -> dict[str, tuple[str, str | None]]:
    """Name and revision by role, of what is not here."""
    found = {"model": (params.model, params.model_config.arguments.get("revision"))}
    if params.tokenizer:
        found["tokenizer"] = (params.tokenizer, params.tokenizer_config.arguments.get("revision"))
    for name, _ in found.values():
        borrow(name)
    return {role: (name, revision) for role, (name, revision) in found.items() if is_hub_id(name)}


def _at(params: Params, role: str, commit: str) -> Params:
    sections = {"tokenizer_config": params.tokenizer_config} if role == "tokenizer" or not params.tokenizer else {}
    if role == "model":
        sections["model_config"] = params.model_config
    return replace(
        params, **{name: section.model_copy(update={"revision": commit}) for name, section in sections.items()}
    )
