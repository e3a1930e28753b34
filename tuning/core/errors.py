"""Errors shown as one message, which says what was being done, and not as a traceback."""

import errno
from contextlib import contextmanager

from tuning.core.redaction import redacted

_LONGEST = 2000  # characters of another library's message
# What libraries say of a full disk; the last two are SQLite's, in which DVC keeps its state.
_FULL = ("No space left on device", "os error 28", "PytorchStreamWriter", "disk is full", "disk I/O error")


class UserError(Exception):
    """Something outside the code is wrong; the message names it and says what to do."""


@contextmanager
def doing(what: str):
    """Turns any other error of the block into a UserError that says what was being done.

    Args:
        what: to be read after "while", such as ``loading the model gpt2``.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"while {what}: {explained(error)}") from error


@contextmanager
def writing(place: object):
    """Names the file or folder in an error of the system that names none, as of a write to an open file."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = str(place)
        raise


def explained(error: BaseException) -> str:
    """An error of a library in one paragraph: its kind, its words, and what to do, if that is known."""
    if isinstance(error, OSError) and error.errno is not None:
        place = f"{error.filename}: " if error.filename is not None else ""
        return f"{place}{error.strerror}{_advice_on_files(error.errno)}"
    words = redacted(" ".join(str(error).split()))  # before it is cut, which may cut a secret too
    words = words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."
    found = f"{type(error).__name__}: {words}" if words else type(error).__name__
    if any(said in words for said in _FULL):
        return found + _advice_on_files(errno.ENOSPC)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "out of memory" in words:
        return f"{found}; `python -m stages.estimate` shows what takes how much memory, and what saves it"
    return found


def _advice_on_files(number: int) -> str:
    if number in (errno.ENOSPC, errno.EDQUOT):
        return ": make room and run it again; what was finished is kept, and the run goes on from it"
    if number == errno.EFBIG:
        return ": raise the limit of the size of files (`ulimit -f`) and run it again; what was finished is kept"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ": make it writable, or run in another folder"
    if number in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY):
        return ": move away what is in its place"
    return ""
