"""Baseline and generate start a server of their own, ask it and end it; of several processes the first does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages import baseline, generate
from tests import tiny
from tests.tuning.generation.test_own_server import SCRIPT, wait_until_gone
from tuning.core.errors import UserError
from tuning.core.files import read_jsonl, write_jsonl
from tuning.generation import own_server
from tuning.generation.answering import RESPONSES
from tuning.generation.own_server import filled
from tuning.generation.response_file import Partial
from tuning.generation.task import PROMPTS

COMMAND = f"{sys.executable} {SCRIPT} {{port}}"


@pytest.fixture
def project(tiny_model, tmp_path, monkeypatch):
    """A folder with prompts and an adapter; writes params.yaml with these changes."""
    monkeypatch.chdir(tmp_path)
    write_jsonl(PROMPTS, [{"key": key, "prompt": f"prompt {key}"} for key in range(5)])
    generate.ADAPTER.parent.mkdir()
    generate.ADAPTER.symlink_to(tiny_model)

    def write(launch=None, **generation):
        values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
        values["generation"].update(engine="openai", base_url="http://127.0.0.1:9/v1", batch_size="auto", **generation)
        (tmp_path / "params.yaml").write_text(yaml.safe_dump({**values, "launch": launch}))

    return write


def responses(name):
    return {row["response"] for row in read_jsonl(RESPONSES / f"{name}.jsonl")}


def of(name):
    """The server of these answers, once it has run."""
    return own_server.OwnServer("", "", {}, own_server.LOGS / f"server-{name}.log")


def test_each_stage_has_its_own_command_and_leaves_nothing_running(project, tiny_model, capfd):
    project(serve=COMMAND, serve_adapter=f"{COMMAND} well {{adapter}} {{rank}}")
    baseline.main()
    assert responses("base") == {f"{tiny_model} in no rank"}
    generate.main()
    assert responses("tuned") == {"tuned in no rank"}
    for name in ("base", "tuned"):
        wait_until_gone(of(name))
    assert "generate tuned: starting a server ('generation.serve_adapter')" in capfd.readouterr().out
    measured = json.loads(generate.MEASURED.read_text())
    assert measured["peak_memory_bytes"] is None


def test_a_server_that_does_not_start_ends_the_stage(project):
    project(serve=f"{COMMAND} fails")
    with pytest.raises(UserError, match=r"(?s)'generation.serve' has ended .* logs/server-base.log:.*no such model"):
        baseline.main()
    assert not RESPONSES.joinpath("base.jsonl").exists()


def test_a_server_that_dies_is_told_by_its_last_lines(project, monkeypatch):
    monkeypatch.setattr("tuning.generation.server_connection.RETRIES", 0)
    project(serve=f"{COMMAND} dies")
    with pytest.raises(UserError, match=r"(?s)has ended while it was asked.*out of memory\n.*exit code 9"):
        baseline.main()


def test_what_stands_for_the_names(project, monkeypatch):
    project(serve="serve {port}", serve_adapter="serve {revision} --lora 'my lora={adapter}' {rank} {{port}} {port}")
    started = []

    def start(server, say):
        started.append(filled(server.template, {**server.values, "port": 8001}))
        raise UserError("enough")

    monkeypatch.setattr(own_server.OwnServer, "running", start)
    with pytest.raises(UserError, match="enough"):
        generate.main()
    assert started == [["serve", "main", "--lora", "my lora=models/adapter", "8", "{port}", "8001"]]


def test_only_a_server_that_was_started_by_hand_may_have_an_older_adapter(project, monkeypatch, capfd):
    monkeypatch.setattr("tuning.generation.older_server.warning", lambda url, folder: f"{url} is older than {folder}")
    monkeypatch.setattr("tuning.generation.server_connection.RETRIES", 0)
    project()
    with pytest.raises(UserError, match="no server answers"):
        generate.main()
    assert "generate tuned: http://127.0.0.1:9/v1 is older than models/adapter" in capfd.readouterr().out
    project(serve_adapter=COMMAND)
    generate.main()
    assert "is older than" not in capfd.readouterr().out


def test_no_server_starts_where_every_answer_is_there(project, monkeypatch):
    project(serve=f"{COMMAND} fails")
    rows = [{"key": key, "new_tokens": 3, "finish_reason": "stop", "response": "there"} for key in range(5)]
    monkeypatch.setattr(Partial, "gather", lambda partial: partial.rows.update((row["key"], row) for row in rows))
    baseline.main()
    assert responses("base") == {"there"}


@pytest.mark.slow
def test_of_several_processes_the_first_starts_it_and_asks(project, tiny_model):
    project(launch=str(tiny.ROOT / "configs/accelerate/ddp_cpu.yaml"), serve=COMMAND)
    environment = {**os.environ, "PYTHONPATH": str(tiny.ROOT)}
    done = subprocess.run([sys.executable, "-m", "stages.baseline"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("starting a server") == 1
    assert responses("base") == {f"{tiny_model} in no rank"}  # it is no process of the launcher
    wait_until_gone(of("base"))
    assert Path("metrics/baseline.json").is_file()
