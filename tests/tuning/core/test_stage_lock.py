"""A stage runs once at a time in a folder."""

import os
import subprocess
import sys

import pytest

from tests.tiny import ROOT
from tuning.core.errors import UserError
from tuning.core.paths import LOCKS
from tuning.core.stage_lock import LAUNCHED, stage_lock

HOLDER = (
    "import sys, time\n"
    "from tuning.core.stage_lock import stage_lock\n"
    "with stage_lock('train'):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


@pytest.fixture
def holder(tmp_path, monkeypatch):
    """Another process that holds the lock of train in the working directory."""
    monkeypatch.chdir(tmp_path)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", HOLDER], env=environment, **pipes)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_told_which_is_the_first(holder):
    for _ in range(2):  # to be refused does not change who holds it
        said = rf"train is already running in this folder \(process {holder.pid}, since "
        with pytest.raises(UserError, match=said), stage_lock("train"):
            pass


def test_other_stages_folders_and_launched_processes_are_free(holder, tmp_path, monkeypatch):
    with stage_lock("generate"), stage_lock(None):
        pass
    (tmp_path / "other").mkdir()
    with monkeypatch.context() as patched:
        patched.chdir(tmp_path / "other")
        with stage_lock("train"):
            pass
    monkeypatch.setenv(LAUNCHED, "1")
    with stage_lock("train"):
        pass


def test_a_process_that_was_killed_holds_nothing(holder):
    holder.kill()
    holder.wait()
    with stage_lock("train"):
        assert f"process {os.getpid()}" in (LOCKS / "train.holder").read_text()


def test_an_error_gives_it_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with pytest.raises(KeyError), stage_lock("train"):
            raise KeyError
    assert not (LOCKS / "train.holder").exists()


def test_a_full_disk_is_told_with_the_place_and_gives_it_back(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.write_text", full)
        with pytest.raises(OSError, match=r"No space left on device: '.*train.holder'"), stage_lock("train"):
            pass
    with stage_lock("train"):
        pass
