"""A server that a stage starts, asks and ends: nothing of it outlives the stage, however the stage ends."""

import http.client
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning.core.errors import UserError
from tuning.core.files import write_bytes
from tuning.core.stage_lock import LAUNCHED
from tuning.core.terminal import printable

LOGS = Path("logs")
START_S = 1800  # until it must be healthy; one that ends before is noticed at once
GONE_S = 2.0  # for how long a server that fails may take to end
SHOWN = 20  # last lines of the log in an error
_POLL_S = 0.2
_WATCHER = Path(__file__).with_name("server_watcher.py")
_RANKS = (8, 16, 32, 64, 128, 256, 512)  # that vLLM's --max-lora-rank takes
# What accelerate launch tells its processes of each other; a server must not take itself for one of them.
_LAUNCHERS = (
    *("ACCELERATE_", "GROUP_RANK", "GROUP_WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
    *("OMP_NUM_THREADS", "RANK", "ROLE_", "TORCHELASTIC_", "WORLD_SIZE", LAUNCHED),
)


@dataclass(frozen=True)
class OwnServer:
    """A server for one stage.

    Attributes:
        key: of params.yaml, that has the command.
        template: the command, with names in braces.
        values: what the names stand for, but for ``port``.
        log: file that takes what the server prints; the next start writes it anew.
    """

    key: str
    template: str
    values: dict[str, Any]
    log: Path

    @contextmanager
    def running(self, say: Callable[[str], None]) -> Iterator[str]:
        """The base URL of the server, which is started, and healthy when the block begins, and ended after it.

        Raises:
            UserError: it does not start, is not healthy in time, or ends while it is asked; with its last lines.
        """
        port = _free_port()
        command = [sys.executable, "-I", str(_WATCHER), *filled(self.template, {**self.values, "port": port})]
        say(f"starting a server ('{self.key}'), which may take minutes; what it prints is in {self.log}")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        how = {"stdin": subprocess.PIPE, "env": _environment(), "start_new_session": True}
        with self.log.open("wb") as log:
            watcher = subprocess.Popen(command, stdout=log, stderr=log, **how)
        try:
            started = time.monotonic()
            self._wait(watcher, port, started + START_S)
            say(f"the server is ready after {time.monotonic() - started:.0f} s")
            yield f"http://127.0.0.1:{port}/v1"
        except UserError as error:
            if self.key in str(error) or not _has_ended(watcher):
                raise
            raise self._error("has ended while it was asked") from error
        finally:
            _end(watcher)
            with suppress(OSError):  # of a full disk: what the block raises says more
                write_bytes(self.log, self.log.read_bytes())  # without secrets that the server has printed

    def _wait(self, watcher: subprocess.Popen, port: int, deadline: float) -> None:
        while not _is_healthy(port):
            if watcher.poll() is not None:
                raise self._error("has ended before it could be asked")
            if time.monotonic() > deadline:
                raise self._error(f"is not healthy after {START_S} s")
            time.sleep(_POLL_S)
        if watcher.poll() is not None:  # then another one answers at this port
            raise self._error("has ended before it could be asked")

    def _error(self, why: str) -> UserError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        last = "".join(f"\n    {printable(line)}" for line in lines[-SHOWN:])
        return UserError(f"the server of '{self.key}' {why}; the last lines of {self.log}:{last}")


def filled(template: str, values: dict[str, object]) -> list[str]:
    """The words of the command, as a shell would split it, with values in the place of names in braces."""
    return [word.format(**values) for word in shlex.split(template)]


def rank_for_servers(rank: int) -> int:
    """A rank of LoRA, rounded up to one that servers take as the greatest of their adapters."""
    return next((each for each in _RANKS if each >= rank), rank)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _environment() -> dict[str, str]:
    if LAUNCHED not in os.environ:
        return dict(os.environ)
    return {name: value for name, value in os.environ.items() if not name.startswith(_LAUNCHERS)}


def _is_healthy(port: int) -> bool:
    """Whether the server says so, or, where it has no such page, lists its models."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for page in ("health", "v1/models"):
        try:
            with opener.open(f"http://127.0.0.1:{port}/{page}", timeout=5):
                return True
        except urllib.error.HTTPError as error:
            if error.code != 404:
                return False
        except (OSError, http.client.HTTPException):
            return False
    return False


def _has_ended(watcher: subprocess.Popen) -> bool:
    """Whether the server has ended; its connections are closed a moment before its process is gone."""
    try:
        watcher.wait(GONE_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(watcher: subprocess.Popen) -> None:
    watcher.stdin.close()
    try:
        watcher.wait()
    except BaseException:  # a second Ctrl-C: at once
        os.killpg(watcher.pid, signal.SIGKILL)
        raise
