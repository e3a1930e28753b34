"""Whatever a stage raises ends it with one message; a traceback is shown to those who ask for it."""

import os
import subprocess
import sys

import pytest

from tests.tiny import ROOT
from tuning.core.errors import UserError, doing, explained, writing
from tuning.core.stage_lock import LAUNCHED, stage_lock

STAGES = ["prepare", "baseline", "train", "generate", "ifeval", "resources"]
COMMANDS = ["chat", "export", "compare", "estimate"]
LOCKED = [*STAGES, "evaluate"]
# A script as python -m runs it, in which reading params.yaml, with which each begins, does something else.
SCRIPT = (
    "import runpy, sys\n"
    "import tuning.config.params, tuning.config.overrides\n"
    "class Strange(Exception): pass\n"
    "def broken(*_): {what}\n"
    "tuning.config.params.read_params = tuning.config.overrides.apply = broken\n"
    "sys.argv[1:] = {arguments}\n"
    "runpy.run_module('stages.{name}', run_name='__main__', alter_sys=True)\n"
)


def run(folder, name, what, **environment):
    arguments = ["folder"] if name == "export" else []
    code = SCRIPT.format(name=name, what=what, arguments=arguments)
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, "-c", code], cwd=folder, env=variables, capture_output=True, text=True)


@pytest.mark.parametrize("name", LOCKED + COMMANDS)
def test_an_unknown_exception_in_each_stage_and_command(tmp_path, name):
    done = run(tmp_path, name, "raise Strange('a wheel came off')")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {name}: Strange: a wheel came off")
    assert "DEBUG=1" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_message_has_a_line_of_its_own_below_an_open_bar(tmp_path):
    done = run(tmp_path, "estimate", "from tqdm.auto import tqdm; global bar; bar = tqdm(total=3); raise Strange")
    assert done.stderr.splitlines()[-1].startswith("error: estimate: Strange")


def test_with_debug_there_is_a_traceback_without_secrets(tmp_path):
    secrets = {"HF_TOKEN": "hf_abcdefghij", "OPENAI_API_KEY": "sk-0123456789\n"}
    done = run(tmp_path, "compare", "raise Strange('hf_abcdefghij and sk-0123456789')", DEBUG="1", **secrets)
    assert "Traceback" in done.stderr
    assert "<HF_TOKEN> and <OPENAI_API_KEY>" in done.stderr
    assert "hf_abcdefghij" not in done.stderr
    assert "sk-0123456789" not in done.stderr


def test_the_message_begins_a_line_where_a_bar_is_open(tmp_path):
    done = run(tmp_path, "compare", "import tqdm.auto; bar = tqdm.auto.tqdm(total=2); bar.update(); int('x')")
    assert "1/2" in done.stderr
    assert "\nerror: compare: ValueError: " in done.stderr


def test_ctrl_c_ends_quietly(tmp_path):
    done = run(tmp_path, "estimate", "raise KeyboardInterrupt")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_what_a_model_answers_can_be_printed_whatever_it_is(tmp_path):
    done = run(tmp_path, "estimate", "print(chr(0xD800))", PYTHONIOENCODING="ascii")
    assert "\\ud800" in done.stdout


def test_what_was_being_done_is_said_once():
    said = pytest.raises(UserError, match=r"^while loading a: ValueError: no$")
    with said, doing("training"), doing("loading a"):
        raise ValueError("no")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device", "x.json"), "x.json: No space left on device: make room"),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/3"), "make room"),
        (RuntimeError("database or disk is full"), "make room"),
        (OSError(27, "File too large", "x.json"), "x.json: File too large: raise the limit of the size of files"),
        (PermissionError(13, "Permission denied", "models"), "models: Permission denied: make it writable"),
        (IsADirectoryError(21, "Is a directory", "a.json"), "a.json: Is a directory: move away"),
        (MemoryError(), "MemoryError; `python -m stages.estimate`"),
        (KeyError("x" * 10_000), "KeyError: 'xxx"),
    ],
)
def test_known_kinds_of_errors_say_what_to_do(error, words):
    assert words in explained(error)
    assert len(explained(error)) < 2100


@pytest.mark.parametrize("name", LOCKED)
def test_a_stage_that_runs_already_is_not_started_again(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with stage_lock(name):
        done = run(tmp_path, name, "print('started')")
        launched = run(tmp_path, name, "print('started'); sys.exit(0)", **{LAUNCHED: "1"})
    assert (done.returncode, done.stdout) == (1, "")
    assert f"error: {name} is already running in this folder (process {os.getpid()}, since" in done.stderr
    assert launched.stdout == "started\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_take_no_lock(tmp_path, name):
    done = run(tmp_path, name, "print('started'); sys.exit(0)")
    assert done.stdout == "started\n"
    assert not (tmp_path / ".dvc").exists()


def test_what_cannot_be_written_is_named():
    with pytest.raises(OSError, match="full") as raised, writing("folder/a.json"):
        raise OSError(28, "disk full")
    assert explained(raised.value).startswith("folder/a.json: disk full: make room")
    with pytest.raises(OSError, match="full") as raised, writing("folder/a.json"):
        raise OSError(28, "disk full", "b.json")
    assert explained(raised.value).startswith("b.json: disk full: make room")
