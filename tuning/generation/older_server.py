"""Whether a server that a user has started may answer with an older adapter than the one that is here."""

import email.utils
import re
import time
import urllib.request
from http.client import HTTPException
from pathlib import Path

from tuning.generation.task import Task
from tuning.model.processes import rank

_START = re.compile(r"^process_start_time_seconds(?:\{.*?\})? ([\d.eE+]+)$", re.MULTILINE)


def tell_of_older_server(task: Task, folder: Path) -> None:
    """Prints a warning where the stage asks such a server; one that it starts itself has the adapter that is here."""
    if task.served and task.own_server is None and rank() == 0:
        said = warning(task.generation.base_url, folder)
        if said is not None:
            print(f"generate {task.name}: {said}", flush=True)


def warning(base_url: str, folder: Path) -> str | None:
    """What to tell the user, where the server has run since before the adapter was written; None otherwise.

    A server reads an adapter when it starts. vLLM tells when that was, among its metrics; of a server that does not
    tell, nothing is known.

    Args:
        folder: the adapter's.
    """
    started = _started(base_url.rstrip("/").removesuffix("/v1"))
    written = max((path.stat().st_mtime for path in folder.rglob("*") if path.is_file()), default=0.0)
    if started is None or started >= written:
        return None
    return (
        f"warning: {base_url} has run since {_shown(started)}, and {folder} was written at {_shown(written)}: it may "
        "answer with an older adapter; start it again, or let the stage start it ('generation.serve_adapter')"
    )


def _started(address: str) -> float | None:
    """When the server started, by the clock of this machine."""
    try:
        with urllib.request.urlopen(f"{address}/metrics", timeout=5) as reply:
            found = _START.search(reply.read().decode("utf-8", "replace"))
            date = reply.headers["Date"]
        there = time.time() if date is None else email.utils.parsedate_to_datetime(date).timestamp()
        return float(found[1]) + time.time() - there if found else None
    except (OSError, ValueError, HTTPException):  # it has no such page, or is not there, which shows when it is asked
        return None


def _shown(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
