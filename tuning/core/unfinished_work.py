"""What an interrupted stage has done so far, found again by what its result depends on.

It lies in ``unfinished/STAGE/FINGERPRINT``, which git and DVC ignore: DVC removes a stage's outputs before it runs
the stage, so that work kept among them would be lost.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from tuning.core.files import fingerprint
from tuning.core.paths import UNFINISHED

KEPT = 3  # when a new run starts, this many other runs of the stage keep their unfinished work, newest first


def unfinished_work(stage: str, *parts: Any) -> Path:
    """The folder for the unfinished work of one run, made where it is not there.

    Args:
        stage: its name in dvc.yaml.
        parts: all that the result depends on, as ``tuning.core.files.fingerprint`` takes it.
    """
    folder = UNFINISHED / stage / fingerprint(*parts)
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:  # a resumed run, or another process of this run made it first
        os.utime(folder)
        return folder
    others = [path for path in folder.parent.iterdir() if path != folder]
    for path in sorted(others, key=lambda path: path.stat().st_mtime_ns, reverse=True)[KEPT:]:
        shutil.rmtree(path, ignore_errors=True)
    return folder


def remove(folder: Path) -> None:
    """Removes the unfinished work of a run that has succeeded, and no other's."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in (folder.parent, folder.parent.parent):
        try:
            parent.rmdir()
        except OSError:  # it holds unfinished work of other runs
            return
