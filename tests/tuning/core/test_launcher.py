"""What a stage has launched does not outlive it, so that the next run of the stage is alone."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from tests.tiny import ROOT
from tuning.core.stage_lock import LAUNCHED

WORKER = (
    "import os, time\n"
    "from tuning.core.command import run\n"
    "run(lambda: (print(os.getpid(), flush=True), time.sleep(600)), lock='train')"
)
# Between the stage and its worker stands a launcher, which knows nothing of either.
LAUNCHER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WORKER!r}])"
STAGE = (
    "import os, subprocess, sys\n"
    f"environment = {{**os.environ, '{LAUNCHED}': sys.argv[1] or str(os.getpid())}}\n"
    f"subprocess.run([sys.executable, '-c', {LAUNCHER!r}], env=environment)"
)


@pytest.fixture
def start(tmp_path):
    """Starts a stage; the ids of all processes are killed afterwards."""
    started = []

    def started_with(value):
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", STAGE, value]
        stage = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
        worker = psutil.Process(int(stage.stdout.readline()))
        started.extend([stage, *psutil.Process(stage.pid).children(recursive=True)])
        return stage, worker

    yield started_with
    for process in started:
        try:
            process.kill()
            process.wait()
        except psutil.NoSuchProcess:
            pass


@pytest.mark.parametrize("waited_for", [True, False])
def test_a_worker_ends_with_a_stage_that_is_killed(start, waited_for):
    """Also where the stage is still listed, since its parent has not asked how it ended."""
    stage, worker = start("")
    time.sleep(1)
    assert worker.is_running()
    stage.kill()
    if waited_for:
        stage.wait()
    worker.wait(60)


def test_a_worker_that_was_launched_by_hand_goes_on(start):
    stage, worker = start("1")
    stage.kill()
    stage.wait()
    time.sleep(1)
    assert worker.is_running()


def test_a_stage_that_is_gone_before_its_worker_starts():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), LAUNCHED: str(gone.pid)}
    assert subprocess.run([sys.executable, "-c", WORKER], env=environment, timeout=60).returncode == 1
