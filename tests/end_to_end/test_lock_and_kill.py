"""A stage by hand beside dvc repro, and a dvc that is killed: nothing is mixed, and the same bytes come at the end."""

import os
import signal
import subprocess
import sys
import time

import pytest
from filelock import FileLock

from tuning.core.files import fingerprint
from tuning.core.paths import LOCKS

pytestmark = pytest.mark.slow

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@pytest.fixture
def clean(project):
    yield project
    project.run("git", "checkout", "--quiet", ".")
    project.run("make", "clean-unfinished")
    project.dvc("checkout", "--force")


def start(project, *command):
    return subprocess.Popen(command, cwd=project.folder, start_new_session=True, **QUIET)


def holder(project, stage, process) -> int:
    """The process that holds the stage's lock, as soon as there is one."""
    path = project.folder / LOCKS / f"{stage}.holder"
    while not (path.is_file() and (words := path.read_text().split())):
        assert process.poll() is None, "it has ended before"
        time.sleep(0.001)
    return int(words[1].rstrip(","))


def results(project) -> dict[str, str]:
    """A fingerprint of each result of the pipeline."""
    paths = (out["path"] for stage in project.lock()["stages"].values() for out in stage["outs"])
    kept = [path for path in paths if "measured" not in path and "resources" not in path]
    return {path: fingerprint(project.folder / path) for path in kept}


def test_by_hand_beside_dvc_repro(clean):
    before = results(clean)
    dvc = start(clean, "dvc", "repro", "--force", "--single-item", "train")
    pid = holder(clean, "train", dvc)
    os.kill(pid, signal.SIGSTOP)  # it runs for as long as the other is tried
    try:
        second = clean.run(sys.executable, "-m", "stages.train", check=False)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert second.returncode == 1
    assert f"error: train is already running in this folder (process {pid}, since" in second.stdout
    assert dvc.wait() == 0
    assert results(clean) == before


def test_dvc_repro_beside_a_stage_by_hand(clean):
    before = results(clean)
    first = start(clean, sys.executable, "-m", "stages.train")
    pid = holder(clean, "train", first)
    os.kill(pid, signal.SIGSTOP)
    try:
        second = clean.run("dvc", "repro", "--force", "--single-item", "train", check=False)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert second.returncode != 0
    assert f"train is already running in this folder (process {pid}, since" in second.stdout
    assert first.wait() == 0
    assert results(clean) == before


@pytest.mark.parametrize("stage", ["prepare", "train", "ifeval"])
def test_dvc_alone_is_killed(clean, stage):
    """The stage, which dvc leaves behind, ends by itself; until then, the same command says that it is running."""
    before = results(clean)
    dvc = start(clean, "dvc", "repro", "--force", "--single-item", stage)
    pid = holder(clean, stage, dvc)
    os.kill(pid, signal.SIGSTOP)
    dvc.kill()
    dvc.wait()
    again = clean.run("dvc", "repro", "--force", "--single-item", stage, check=False)
    os.kill(pid, signal.SIGCONT)
    assert again.returncode != 0
    assert f"{stage} is already running in this folder (process {pid}, since" in again.stdout
    with FileLock(clean.folder / LOCKS / f"{stage}.lock"):  # once the stage has ended
        pass
    clean.dvc("repro", "--force", "--single-item", stage)
    assert results(clean) == before


@pytest.mark.parametrize("stage", ["baseline", "generate", "resources"])
def test_dvc_and_its_stage_are_killed(clean, stage):
    before = results(clean)
    dvc = start(clean, "dvc", "repro", "--force", "--single-item", stage)
    holder(clean, stage, dvc)
    os.killpg(dvc.pid, signal.SIGKILL)
    dvc.wait()
    clean.dvc("repro", "--force", "--single-item", stage)
    assert results(clean) == before
