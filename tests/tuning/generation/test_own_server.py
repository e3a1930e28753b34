"""A stage's own server is there while it is asked, and gone afterwards, whatever happens."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests import tiny
from tuning.core.errors import UserError
from tuning.generation import own_server
from tuning.generation.own_server import OwnServer

SCRIPT = Path(__file__).parents[1] / "own_chat_server.py"


def server(folder, mode="well"):
    template = "'{python}' '{script}' {port} {mode}"
    values = {"python": sys.executable, "script": SCRIPT, "mode": mode}
    return OwnServer("generation.serve", template, values, folder / "logs/server.log")


def processes(own):
    """The ids of the server and of what it has started, by its log."""
    return [int(number) for number in own.log.read_text().splitlines()[0].split()[1:]]


def is_gone(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_gone(own):
    while not all(map(is_gone, processes(own))):  # a test that waits in vain is ended by its runner
        time.sleep(0.05)


def test_it_answers_while_it_is_needed_and_its_log_is_kept(tmp_path):
    own, said = server(tmp_path), []
    with own.running(said.append) as url:
        with urllib.request.urlopen(f"{url}/models", timeout=30) as reply:
            assert b"owned_by" in reply.read()
        assert not any(map(is_gone, processes(own)))
    assert all(map(is_gone, processes(own)))
    assert "starting a server ('generation.serve')" in said[0]
    assert str(own.log) in said[0]
    assert "the server is ready after" in said[1]


def test_it_ends_when_asking_fails(tmp_path):
    own = server(tmp_path)
    with pytest.raises(KeyboardInterrupt), own.running(print):
        raise KeyboardInterrupt
    wait_until_gone(own)


def test_a_server_that_ends_at_its_start_is_told_with_its_last_lines(tmp_path):
    own = server(tmp_path, "fails")
    with pytest.raises(UserError) as raised, own.running(print):
        pass
    said = str(raised.value)
    assert said.startswith("the server of 'generation.serve' has ended before it could be asked; the last lines of")
    assert "no such model\n    the server has ended with exit code 1" in said
    assert "line 40" in said
    assert "line 10" not in said
    wait_until_gone(own)


def test_a_command_that_is_not_there(tmp_path):
    own = OwnServer("generation.serve", "vlm serve {port}", {}, tmp_path / "server.log")
    with pytest.raises(UserError, match="vlm cannot be started: No such file"), own.running(print):
        pass


def test_its_log_keeps_no_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghij")
    own = OwnServer("generation.serve", "sh -c 'echo token=$HF_TOKEN {port}'", {}, tmp_path / "server.log")
    with pytest.raises(UserError, match="has ended before it could be asked"), own.running(print):
        pass
    assert "token=<HF_TOKEN>" in own.log.read_text()
    assert "hf_abcdefghij" not in own.log.read_text()


def test_a_server_that_never_gets_healthy(tmp_path, monkeypatch):
    monkeypatch.setattr(own_server, "START_S", 2)
    own = server(tmp_path, "sick")
    with pytest.raises(UserError, match="is not healthy after 2 s; the last lines"), own.running(print):
        pass
    wait_until_gone(own)


def test_a_server_that_ends_while_it_is_asked_is_told_with_its_last_lines(tmp_path):
    own = server(tmp_path, "dies")
    with pytest.raises(UserError, match=r"(?s)has ended while it was asked.*out of memory"):
        ask_in_vain(own)


def ask_in_vain(own):
    with own.running(print) as url:
        try:
            urllib.request.urlopen(f"{url}/chat/completions", b"{}", timeout=30)
        except OSError:
            wait_until_gone(own)
            raise UserError("no server answers") from None


STAGE = """
import signal, sys, time
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background takes away
from tests.tuning.generation.test_own_server import server
with server(Path(sys.argv[1])).running(print):
    print("asking", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_a_stage_that_is_killed(tmp_path, number):
    command = [sys.executable, "-c", STAGE, str(tmp_path)]
    stage = subprocess.Popen(command, cwd=tiny.ROOT, stdout=subprocess.PIPE, text=True)
    while stage.stdout.readline() != "asking\n":
        assert stage.poll() is None
    assert not any(map(is_gone, processes(server(tmp_path))))
    stage.send_signal(number)
    stage.wait()
    wait_until_gone(server(tmp_path))


@pytest.mark.parametrize(("rank", "taken"), [(4, 8), (8, 8), (20, 32), (300, 512), (600, 600)])
def test_ranks_that_servers_take(rank, taken):
    assert own_server.rank_for_servers(rank) == taken


def test_a_server_is_no_process_of_the_launcher(monkeypatch):
    launched = {
        "RANK": "0",
        "WORLD_SIZE": "2",
        "MASTER_PORT": "1",
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "1",
    }
    for name, value in launched.items():
        monkeypatch.setenv(name, value)
    assert launched.items() <= own_server._environment().items()
    monkeypatch.setenv(own_server.LAUNCHED, "1")
    assert not {*launched, own_server.LAUNCHED} & own_server._environment().keys()
    assert own_server._environment()["PATH"] == os.environ["PATH"]
