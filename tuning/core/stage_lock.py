"""One process at a time runs a stage in a folder, whether DVC started it or a user."""

import os
import time
from contextlib import contextmanager
from pathlib import Path

from tuning.core.errors import UserError, writing
from tuning.core.files import umask
from tuning.core.paths import LOCKS

# Set for processes that a stage has launched, to its number; 1 where they were launched by hand. It holds the lock.
LAUNCHED = "STAGE_IS_LAUNCHED"


@contextmanager
def stage_lock(stage: str | None):
    """Holds the stage's lock in the working directory; the system releases it when the process ends, however it does.

    Args:
        stage: its name in dvc.yaml; None takes no lock.

    Raises:
        UserError: another process holds it; the message names that process.
    """
    if stage is None or LAUNCHED in os.environ:
        yield
        return
    from filelock import FileLock, Timeout

    LOCKS.mkdir(parents=True, exist_ok=True)
    holder = LOCKS / f"{stage}.holder"  # beside the lock, which is emptied by whoever tries to take it
    try:
        lock = FileLock(LOCKS / f"{stage}.lock", mode=0o666 & ~umask()).acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{stage} is already running in this folder{_who(holder)}: wait until it has ended, or end it"
        ) from None
    with lock:
        try:
            with writing(holder):
                holder.write_text(
                    f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}", encoding="utf-8"
                )
            yield
        finally:
            holder.unlink(missing_ok=True)


def _who(holder: Path) -> str:
    try:
        return f" ({holder.read_text(encoding='utf-8')})"
    except OSError:  # it has not been written yet
        return ""
