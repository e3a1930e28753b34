"""How every stage and command runs: one at a time where it must be, and with one message when it fails."""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from tuning.core.busy_cores import sleep_beside_others
from tuning.core.errors import UserError, explained
from tuning.core.launcher import end_with_the_launcher
from tuning.core.library_messages import filter_messages
from tuning.core.redaction import redact_stream, redacted
from tuning.core.stage_lock import LAUNCHED, stage_lock
from tuning.core.terminal import printable

INTERRUPTED = 130  # exit code after Ctrl-C, as shells have it
_DEBUG = "DEBUG"  # set to 1 to see where an error arose


def run(main: Callable[[], None], lock: str | None = None) -> None:
    """Runs a stage or command; whatever it raises ends it with one message and exit code 1, Ctrl-C quietly with 130.

    The traceback is shown as well where the environment variable DEBUG is 1.

    Args:
        lock: the stage's name in dvc.yaml; another process that runs it in this folder makes this one end.
    """
    filter_messages()
    end_with_the_launcher()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a model may answer what no terminal can show
        redact_stream(stream)
    name = Path(sys.argv[0]).stem
    try:
        with stage_lock(lock):
            # Commands are short, and launched processes have this one's settings.
            if lock and LAUNCHED not in os.environ:
                sleep_beside_others()
            main()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # whoever reads what is printed has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _close_bars()
        if os.environ.get(_DEBUG) == "1":
            print(redacted(traceback.format_exc()), file=sys.stderr)
        if isinstance(error, UserError):
            message = str(error)
        else:
            message = f"{name}: {explained(error)} ({_DEBUG}=1 in the environment shows where)"
        print(f"error: {printable(redacted(message))}", file=sys.stderr)
        sys.exit(1)


def without_arguments(main: Callable[[], None]) -> Callable[[], None]:
    """``main`` of a stage that reads params.yaml alone, after a look at the command line.

    Raises:
        UserError: from what is returned; there are arguments, which would have no effect.
    """

    def checked() -> None:
        if given := " ".join(sys.argv[1:]):
            raise UserError(
                f"{Path(sys.argv[0]).stem}: a stage takes no arguments, not {given!r}: set values in params.yaml, "
                "or try them with 'dvc exp run -S KEY=VALUE'; 'python -m stages.compare' compares experiments, and "
                "'python -m stages.estimate' estimates memory"
            )
        main()

    return checked


def _close_bars() -> None:
    """Ends the lines of progress bars that an error has left open, so that its message begins a line."""
    if tqdm := sys.modules.get("tqdm"):
        for bar in list(getattr(tqdm.tqdm, "_instances", ())):
            bar.close()
