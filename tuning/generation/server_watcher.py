"""Runs a server for a stage, and ends it when the stage has ended, however that ended.

    python server_watcher.py COMMAND...

The stage holds the other end of standard input. Its end, which the system closes even for a process that is killed,
is the sign to end the whole process group, this process included. The stage starts this script as the first process of
a group of its own, and what the server starts belongs to the group too.
"""

import os
import signal
import subprocess
import sys
import threading

PATIENCE_S = 30  # in which a server may end by itself, before it is killed


def main(command: list[str]) -> None:
    # A handler, since a signal that is ignored would be ignored by the server too.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        sys.exit(f"{command[0]} cannot be started: {error.strerror}")
    threading.Thread(target=_end_with_the_stage, daemon=True).start()
    code = server.wait()
    print(f"the server has ended with exit code {code}", flush=True)
    os.killpg(0, signal.SIGKILL)  # what it has left behind


def _end_with_the_stage() -> None:
    os.read(sys.stdin.fileno(), 1)  # nothing is ever written: it returns when the other end is closed
    killing = threading.Timer(PATIENCE_S, os.killpg, (0, signal.SIGKILL))
    killing.daemon = True
    killing.start()
    os.killpg(0, signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1:])
