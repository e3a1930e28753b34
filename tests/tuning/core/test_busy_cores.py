"""Waiting threads sleep where other programs need the cores, and only there."""

import os
import subprocess
import sys
from collections import namedtuple

import psutil
import pytest

from tests.tiny import ROOT
from tuning.core import busy_cores
from tuning.core.stage_lock import LAUNCHED

Times = namedtuple("Times", "user nice idle iowait")
# Seconds of a core while it is looked at.
IDLE, BUSY, GIVES_WAY, READS = Times(0, 0, 0.2, 0), Times(0.2, 0, 0, 0), Times(0, 0.2, 0, 0), Times(0.01, 0, 0.03, 0.16)
BEFORE = 1000  # seconds that each counter stands at when it is first read
STAGE = (
    "import os, sys\n"
    "from tuning.core import busy_cores, command\n"
    "busy_cores.idle_cores = lambda: 1.0\n"
    "busy_cores._threads = lambda: 2\n"
    "sys.argv = ['train']\n"
    "command.run(lambda: print('torch' in sys.modules, os.environ.get('GOMP_SPINCOUNT')), lock={lock!r})\n"
)


@pytest.fixture
def chosen(monkeypatch):
    """What is chosen on a machine whose cores are used so, as if torch were not loaded."""
    for name in (busy_cores.SPINS, busy_cores.POLICY, busy_cores.THREADS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "torch", raising=False)

    def choose(*cores, mine=None, **settings):
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        readings = iter([[Times(*[BEFORE] * 4) for _ in cores], [Times(*(BEFORE + s for s in core)) for core in cores]])
        monkeypatch.setattr(psutil, "cpu_times", lambda percpu: next(readings))
        monkeypatch.setattr(busy_cores, "LOOKED_S", 0)
        monkeypatch.setattr(psutil, "cpu_count", lambda logical: len(cores))
        monkeypatch.setattr(busy_cores, "_cores", lambda: mine or list(range(len(cores))))
        busy_cores.sleep_beside_others()
        return os.environ.get(busy_cores.SPINS)

    return choose


@pytest.mark.parametrize(
    ("cores", "spins"),
    [
        ([IDLE, IDLE], None),
        ([IDLE, BUSY], "0"),
        ([BUSY, BUSY], "0"),
        ([IDLE, GIVES_WAY], None),
        ([READS, IDLE], None),
        ([BUSY], None),  # a thread alone waits for no other
    ],
)
def test_a_core_that_is_busy(chosen, cores, spins):
    assert chosen(*cores) == spins


def test_counters_that_stand_still_tell_of_no_other_program(chosen):
    assert chosen(Times(0, 0, 0, 0), Times(0, 0, 0, 0)) is None


def test_only_the_cores_that_this_process_may_use_count(chosen, capsys):
    assert chosen(IDLE, IDLE, BUSY, BUSY, mine=[0, 1]) is None
    assert capsys.readouterr().out == ""
    assert chosen(IDLE, IDLE, BUSY, BUSY, mine=[1, 2]) == "0"
    assert "leave 1.0 cores for 2 threads" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "spins"),
    [({"GOMP_SPINCOUNT": "9"}, "9"), ({"OMP_WAIT_POLICY": "active"}, None), ({"OMP_NUM_THREADS": "1"}, None)],
)
def test_what_the_user_has_set_is_left_alone(chosen, settings, spins):
    assert chosen(IDLE, BUSY, **settings) == spins


@pytest.mark.parametrize(
    ("lock", "environment", "said"),
    [("train", {}, "False 0"), (None, {}, "False None"), ("train", {LAUNCHED: "1"}, "False None")],
)
def test_a_stage_chooses_before_torch_is_loaded(tmp_path, lock, environment, said):
    variables = {name: value for name, value in os.environ.items() if name != busy_cores.SPINS}
    variables |= {"PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-c", STAGE.format(lock=lock)]
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == said, done.stderr
