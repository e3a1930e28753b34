"""Errors that a user can act on, shown as one message and not as a traceback."""

import sys
from collections.abc import Callable

from tuning.core.library_messages import filter_messages


class UserError(Exception):
    """Something outside the code is wrong; the message names it and says what to do."""


def run(main: Callable[[], None]) -> None:
    """Runs a stage; a UserError ends it with its message and exit code 1."""
    filter_messages()
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
