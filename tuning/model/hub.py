"""Errors of the Hugging Face Hub, as messages that a user can act on."""

import os
from contextlib import contextmanager
from pathlib import Path

from tuning.core.errors import UserError, explained


@contextmanager
def explain(kind: str, name: str):
    """Turns what the Hub's libraries raise about a model or data set into a UserError that says what to do.

    Args:
        kind: what ``name`` is, in words.
        name: its id on the Hub.
    """
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except Exception as error:
        for cause in _chain(error):
            if (problem := _cache_problem(cause)) is not None:
                raise UserError(problem) from error
            if isinstance(cause, GatedRepoError):
                advice = f"accept its licence on https://huggingface.co/{name}, log in with `hf auth login`"
                raise UserError(f"{kind} {name!r} is gated: {advice}, or name another") from error
            if isinstance(cause, RevisionNotFoundError):
                raise UserError(f"{kind} {name!r} has no such revision: {cause}") from error
            if isinstance(cause, RepositoryNotFoundError) or type(cause).__name__ == "DatasetNotFoundError":
                advice = "check the name, or log in with `hf auth login` if it is private"
                raise UserError(f"{kind} {name!r} is neither here as a folder nor on the Hub: {advice}") from error
            unreachable = (LocalEntryNotFoundError, OfflineModeIsEnabled, HfHubHTTPError, ConnectionError)
            if isinstance(cause, unreachable) or type(cause).__name__ in ("ConnectError", "ConnectTimeout"):
                advice = "check the network, or name a local folder or file"
                raise UserError(f"{kind} {name!r} is not here, and the Hub cannot be reached: {advice}") from error
        if isinstance(error, (OSError, ValueError)):
            if not Path(name).exists() and (name.count("/") != 1 or name.startswith((".", "/"))):
                advice = "name a folder that exists or an id of the Hub; `make setup` makes the embedded model"
                raise UserError(f"{kind} {name!r}: there is no such folder: {advice}") from error
            raise UserError(f"{kind} {name!r} cannot be loaded: {str(error).strip().splitlines()[0]}") from error
        raise


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


def reachable() -> bool:
    """Whether the Hub, or the mirror in its place, answers within three seconds.

    Without this check, its libraries retry a file five times, for more than a minute.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=3)
    except Exception:  # which HTTP library raises depends on the version; offline mode has errors of its own
        return False
    return True


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
    """An error and what caused it, outermost first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
