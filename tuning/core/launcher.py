"""Processes that a stage has launched, which end with it: nothing may write beside the stage that is run next."""

import os
import threading
import time

from tuning.core.stage_lock import LAUNCHED

POLL_S = 0.25


def end_with_the_launcher() -> None:
    """Ends this process soon after the stage that has launched it, which holds the lock, even if that is killed.

    In a process that no stage has launched, or that was launched by hand (``STAGE_IS_LAUNCHED=1``), it does nothing.
    """
    number = os.environ.get(LAUNCHED, "")
    if number.isdecimal() and int(number) > 1:
        threading.Thread(target=_watch, args=(int(number),), daemon=True).start()


def _watch(number: int) -> None:
    import psutil

    try:
        stage = psutil.Process(number)
        while stage.is_running() and stage.status() != psutil.STATUS_ZOMBIE:
            time.sleep(POLL_S)
    except psutil.NoSuchProcess:
        pass
    os._exit(1)  # at once, whatever is being computed; what was finished is kept
