"""Errors of the Hugging Face Hub and its libraries, as messages that a user can act on."""

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tuning.config.references import is_hub_id
from tuning.core.errors import UserError, explained
from tuning.model.hub_connection import offline_because
from tuning.model.other_formats import other_format

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

_LOGIN = "log in with `hf auth login` or set the environment variable HF_TOKEN"
_CODE = "-S +model_config.trust_remote_code=true -S +tokenizer_config.trust_remote_code=true"
# Parts of data sets that can be chosen, by a part of what a library says where one must be.
_PARTS = {"Config name is missing": "config", "BuilderConfig": "config", "Unknown split": "split"}
_PART = "choose one: `dataset: {{name: {name}, {part}: ...}}`"
_FILE = (
    "download the one to read, as with `hf download {name} --repo-type dataset --local-dir data/own`, and name the "
    "file in '{key}'"
)
# What to do about anything else, by a part of what a library says.
_REMEDIES = {
    "trust_remote_code": "its own code runs only if you allow it: read the code, then add {code}",
    "scripts are no longer supported": "many such data sets are there as Parquet too: `{name}@refs/convert/parquet`",
    "ImportError": "install the package that it names into .venv",
}

_MODELS = ("model", "tokenizer")


@contextmanager
def explain(kind: str, name: str, key: str = "dataset"):
    """Turns whatever is raised while something of the Hub is loaded into a UserError that says what to do.

    Args:
        kind: what ``name`` is, in words.
        name: its id on the Hub, or a local folder.
        key: of params.yaml that names a data set.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(_problem(kind, name, key, error)) from error


def _problem(kind: str, name: str, key: str, error: Exception) -> str:
    """What is wrong, by the error or what caused it."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        LocalTokenNotFoundError,
    )

    for cause in _chain(error):
        if (problem := _cache_problem(cause)) is not None:
            return problem
        if isinstance(cause, LocalTokenNotFoundError):
            return f"{kind} {name!r}: there is no token for the Hub here: {_LOGIN}"
        missing_file = isinstance(cause, EntryNotFoundError) and not isinstance(cause, LocalEntryNotFoundError)
        if isinstance(cause, HfHubHTTPError) and getattr(cause, "response", None) is not None and not missing_file:
            return f"{kind} {name!r}: {_refusal(kind, name, cause)}"
    for cause in _chain(error):
        if _is_unreachable(cause):
            where = "is not here, and " if not Path(name).exists() else ""
            words = offline_because() or explained(_last(cause))
            advice = "check the network, or name a local folder or file"
            return f"{kind} {name!r} {where}the Hub cannot be reached ({words}): {advice}"
    if kind in _MODELS and not Path(name).exists() and not is_hub_id(name):
        advice = "name a folder that exists or an id of the Hub; `make setup` makes the embedded model"
        return f"{kind} {name!r}: there is no such folder: {advice}"
    if kind in _MODELS and (problem := other_format(name)):
        return f"{kind} {name!r} {problem}"
    words = explained(error).split(" Model type should be one of")[0]  # and two hundred names
    if error.__cause__ is not None and (cause := explained(error.__cause__)) not in words:
        words += f" ({cause})"
    verb = "written to" if kind == "repository" else "loaded"
    return f"{kind} {name!r} cannot be {verb}: {words}{_advice(words, name, key)}"


def _advice(words: str, name: str, key: str) -> str:
    """What to do about what a library says, after a semicolon; nothing where that is not known."""
    remedy = next((remedy for told, remedy in _REMEDIES.items() if told in words), None)
    part = next((part for told, part in _PARTS.items() if told in words), None)
    if remedy is None and part:
        remedy = _PART if key == "dataset" else _FILE
    return f"; {remedy.format(name=name, code=_CODE, key=key, part=part)}" if remedy else ""


def _refusal(kind: str, name: str, error: "HfHubHTTPError") -> str:
    """What the Hub has answered, in its own words, and what to do."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    status, sent_token = error.response.status_code, "Authorization" in error.response.request.headers
    words = error.server_message or error.response.headers.get("X-Error-Message") or error.response.reason_phrase
    told = " ".join((words or "").split())
    said = f"the Hub answers {status}" + (f", {told!r}" if told else "")
    page = f"https://huggingface.co/{'datasets/' if kind == 'data set' else ''}{name}"
    if isinstance(error, GatedRepoError):
        if status == 401:
            return f"it is gated ({said}): accept its licence on {page}, then {_LOGIN}"
        return f"it is gated, and your token has no access to it ({said}): ask for it on {page}, or use another token"
    if status == 401 and sent_token:
        return f"your token is refused ({said}), which bars even what is public: {_LOGIN}, or remove the token"
    if isinstance(error, RevisionNotFoundError):
        return f"it has no such revision ({said}): name a branch, tag or commit of {page}"
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        return f"it is neither here as a folder nor on the Hub ({said}): check the name; if it is private, {_LOGIN}"
    if kind == "repository" and status == 403:
        return (
            f"your token has no right to write to it ({said}): use a token that has, and a name below your own or that "
            "of an organization of yours"
        )
    if status == 403:
        return (
            f"your token has no right to it ({said}): use a token that has, see https://huggingface.co/settings/tokens"
        )
    if status == 429:
        return f"the Hub takes no more requests from here for now ({said}): try again in some minutes, or {_LOGIN}"
    if status >= 500:
        return f"the Hub has a fault ({said}): try again later; what is already in the cache works without it"
    return f"{said}: {' '.join(str(error).split())}"


def _is_unreachable(error: BaseException) -> bool:
    from huggingface_hub.errors import LocalEntryNotFoundError

    kinds = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, LocalEntryNotFoundError | ConnectionError | TimeoutError) or "TransportError" in kinds


def _cache_problem(error: BaseException) -> str | None:
    """What is wrong with the folder into which the Hub's libraries write, or None."""
    from huggingface_hub.constants import HF_HOME

    if not isinstance(error, OSError) or error.filename is None or isinstance(error.filename, int):
        return None
    home, place = Path(HF_HOME), Path(os.fsdecode(error.filename))
    if place != home and home not in place.parents and place not in home.parents:
        return None
    advice = f"the Hub's libraries keep what they load in {HF_HOME}; set the environment variable HF_HOME"
    return f"{explained(error)}: {advice} to a folder that can be written to"


def borrow(name: str) -> None:
    """Links files that git does not track, such as the embedded model, into a temporary checkout of the project.

    DVC runs queued experiments in ``.dvc/tmp/exps/NAME``, where only tracked files are. A link to the same path of
    the project itself costs no copy, and leaves the name as it is written in params.yaml.

    Args:
        name: a model's or data set's; ids of the Hub and paths outside the project are left alone.
    """
    path, here = Path(name), Path.cwd()
    exps = next((parent for parent in here.parents if parent.parts[-3:] == (".dvc", "tmp", "exps")), None)
    if exps is None or path.is_absolute() or ".." in path.parts or path.exists():
        return
    original = exps.parents[2] / path
    if original.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(original)


def _chain(error: BaseException | None):
    """An error and what caused it, outermost first; what was dealt with before it counts only where it says so."""
    while error is not None:
        yield error
        error = error.__cause__ if error.__suppress_context__ else error.__cause__ or error.__context__


def _last(error: BaseException) -> BaseException:
    return list(_chain(error))[-1]
