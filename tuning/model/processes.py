"""Starting a stage as several processes, with accelerate."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tuning.core.errors import UserError
from tuning.core.stage_lock import LAUNCHED
from tuning.model.device import device


def launched(config: str | None, module: str, *arguments: str) -> bool:
    """Runs the stage under ``accelerate launch`` if a config file is given, unless this process was launched so.

    Args:
        config: an accelerate config file (``configs/accelerate/`` has some), or None for a single process.
        module: the stage, such as ``stages.train``.
        arguments: of its command line.

    Returns:
        True once all processes have ended well, False where this process has to do the work itself.

    Raises:
        UserError: the config file is missing, or a process failed.
    """
    if config is None or LAUNCHED in os.environ:
        return False
    if not Path(config).is_file():
        raise UserError(f"launch: {config} is not a file; configs/accelerate/ has config files to start from")
    environment = {**os.environ, LAUNCHED: str(os.getpid())}
    if device() == "cpu":
        environment["ACCELERATE_USE_CPU"] = "true"  # so that the processes find each other by gloo
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", config, "-m", module, *arguments]
    code = subprocess.run(command, env=environment).returncode
    if code:
        raise UserError(f"{module} failed under accelerate launch (exit code {code}); the reason stands above")
    return True


def world_size() -> int:
    """Number of processes that do this stage together."""
    return int(os.environ.get("WORLD_SIZE", 1))


def rank() -> int:
    """This process's number among them; process 0 writes the results."""
    return int(os.environ.get("RANK", 0))


def same_everywhere(value: Any) -> Any:
    """What process 0 has, in every process: for decisions that follow from the memory that is free."""
    if world_size() == 1:
        return value
    from accelerate.utils import broadcast_object_list

    return broadcast_object_list([value])[0]
