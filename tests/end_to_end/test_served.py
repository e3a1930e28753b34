"""transformers' own server answers what the project's decoding answers, base and tuned."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest
import torch
import yaml

from stages import baseline, generate
from tests import loading, tiny
from tuning.core.files import read_jsonl
from tuning.generation.server_connection import Client
from tuning.model import adapters

MODEL = tiny.ROOT / "models/base/SmolLM2-135M-Instruct"
TEXTS = ["Name a colour.", "What is the capital of France?", "Write one sentence about rain."]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Prompts, and an adapter of the embedded model that changes what it says."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "data/prepared").mkdir(parents=True)
    rows = [
        {"key": key, "prompt": text, "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
        for key, text in enumerate(TEXTS)
    ]
    (folder / "data/prepared/prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = params("transformers", "")
    tuned = loading.adapted(values)
    torch.manual_seed(0)
    for name, matrix in adapters.lora_parameters(tuned).items():
        if "lora_B" in name:
            torch.nn.init.normal_(matrix, std=0.05)
    loading.save(tuned, folder / adapters.ADAPTER, values)
    merged = loading.tuned(values, folder / adapters.ADAPTER)
    merged.save_pretrained(folder / "merged")  # the server loads no adapters
    for name in (adapters.ADAPTER, "merged"):
        loading.tokenizer(values).save_pretrained(folder / name)
    return folder


@pytest.fixture(scope="module")
def url():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = "from transformers.cli.transformers import main; main()"
    options = ["--port", str(port), "--host", "127.0.0.1", "--device", "cpu", "--dtype", "float32"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    server = subprocess.Popen([sys.executable, "-c", program, "serve", *options], env=environment)
    try:
        while True:
            assert server.poll() is None, "transformers serve has ended"
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


def params(engine, url, **generation):
    values = yaml.safe_load((tiny.ROOT / "params.yaml").read_text(encoding="utf-8"))
    values.update(model=str(MODEL))
    values["lora"]["r"] = 4
    values["generation"].update(engine=engine, base_url=url, max_new_tokens=12, concurrency=2, **generation)
    return values


def answers(folder, monkeypatch, values):
    monkeypatch.chdir(folder)
    (folder / "params.yaml").write_text(yaml.safe_dump(values))
    baseline.main()
    generate.main()
    return [read_jsonl(folder / f"data/responses/{name}.jsonl") for name in ("base", "tuned")]


def test_a_server_answers_what_is_answered_here(folder, url, monkeypatch):
    here = answers(folder, monkeypatch, params("transformers", url))
    names = {"base_model": str(MODEL), "tuned_model": str(folder / "merged")}
    there = answers(folder, monkeypatch, params("openai", url, **names))
    for ours, theirs in zip(here, there, strict=True):
        assert [row["response"].strip() for row in ours] == [row["response"].strip() for row in theirs]
        assert [row["finish_reason"] for row in ours] == [row["finish_reason"] for row in theirs]
    assert here[0] != here[1]
    measured = json.loads((folder / "metrics/measured/generate.json").read_text())
    assert measured["peak_memory_bytes"] is None


@pytest.mark.slow
def test_settings_beyond_the_interface_have_the_effect_that_they_have_here(folder, url, monkeypatch):
    more = {"stop_strings": ["is", "color"], "min_new_tokens": 3, "repetition_penalty": 1.2, "no_repeat_ngram_size": 3}
    here = answers(folder, monkeypatch, params("transformers", url, **more))
    names = {"base_model": str(MODEL), "tuned_model": str(folder / "merged")}
    there = answers(folder, monkeypatch, params("openai", url, **names, **more))
    for ours, theirs in zip(here, there, strict=True):
        assert [row["response"].strip() for row in ours] == [row["response"].strip() for row in theirs]
    assert any(row["response"].endswith(("is", "color")) for row in there[0])


def test_an_interrupted_run_asks_only_for_the_rest(folder, url, monkeypatch, capfd):
    values = params("openai", url, base_model=str(MODEL), system_prompt="Answer in French.")
    ask, asked = Client.ask, []

    def failing(client, conversation, limit):
        asked.append(conversation)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return ask(client, conversation, limit)

    values["generation"]["concurrency"] = 1
    monkeypatch.setattr(Client, "ask", failing)
    with pytest.raises(KeyboardInterrupt):
        answers(folder, monkeypatch, values)
    assert asked[0][0] == {"role": "system", "content": "Answer in French."}
    monkeypatch.chdir(folder)
    baseline.main()
    assert len(asked) == 4
    assert re.search(r"generate base: +67%", capfd.readouterr().err)
    assert len(read_jsonl(folder / "data/responses/base.jsonl")) == 3
