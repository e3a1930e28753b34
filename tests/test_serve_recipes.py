"""The scripts in configs/serve hand over commands that params.yaml takes and that say what they should."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.tiny import ROOT
from tuning.config import overrides
from tuning.generation.own_server import filled

VALUES = {"model": "a/model", "revision": "b1c2", "port": 8001, "adapter": Path("models/adapter"), "rank": 16}
ENVIRONMENT = {"VLLM": "/opt/vllm/bin/vllm", "VLLM_ARGS": "--tensor-parallel-size 8", "LLAMA_CPP": "/opt/llama.cpp"}


def recipe(name, tmp_path, monkeypatch, *arguments):
    """The section ``generation``, as the script makes it."""
    dvc = tmp_path / "dvc"
    dvc.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    dvc.chmod(0o755)
    environment = {**os.environ, **ENVIRONMENT, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    script = ["sh", str(ROOT / f"configs/serve/{name}.sh"), *arguments]
    done = subprocess.run(script, env=environment, capture_output=True, text=True, check=True)
    command, run, *rest = done.stdout.split("\0")[:-1]
    assert [command, run] == ["exp", "run"]
    assert set(rest[::2]) == {"-S"}
    monkeypatch.chdir(ROOT)
    return overrides.apply(rest[1::2]).generation


@pytest.mark.parametrize("name", ["vllm", "sglang", "llama_cpp"])
def test_a_recipe_sets_both_commands_and_passes_arguments_on(name, tmp_path, monkeypatch):
    found = recipe(name, tmp_path, monkeypatch, "-S", "generation.max_new_tokens=77")
    assert found.engine == "openai"
    assert found.arguments["max_new_tokens"] == 77
    base, tuned = filled(found.serve, VALUES), filled(found.serve_adapter, VALUES)
    assert "models/adapter" not in " ".join(base)
    assert "models/adapter" in " ".join(tuned)
    assert {"a/model", "8001"} <= set(base) & set(tuned)


def test_what_vllm_is_told(tmp_path, monkeypatch):
    found = recipe("vllm", tmp_path, monkeypatch)
    base = (
        "/opt/vllm/bin/vllm serve a/model --revision b1c2 --port 8001 --generation-config vllm --tensor-parallel-size 8"
    )
    assert filled(found.serve, VALUES) == base.split()
    adapter = "--enable-lora --max-lora-rank 16 --lora-modules tuned=models/adapter"
    template = "--chat-template models/adapter/chat_template.jinja"
    assert filled(found.serve_adapter, VALUES) == f"{base} {adapter} {template}".split()


def test_sglang_is_asked_for_the_adapter_by_both_names(tmp_path, monkeypatch):
    found = recipe("sglang", tmp_path, monkeypatch)
    assert [found.base_model, found.tuned_model] == ["served", "served:tuned"]


def test_llama_cpp_converts_before_it_serves(tmp_path):
    """With stand-ins for its scripts and its server; what was converted is gone afterwards."""
    source = tmp_path / "llama.cpp"
    source.mkdir()
    for script in ("convert_hf_to_gguf.py", "convert_lora_to_gguf.py"):
        (source / script).write_text('out=$(echo "$*" | sed "s/.*--outfile //"); echo "$0 $*" > "$out"\n')
    server = tmp_path / "server"
    server.write_text('#!/bin/sh\necho "$@"; for each; do case $each in *.gguf) cat "$each";; esac; done\n')
    server.chmod(0o755)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "LLAMA_CPP": str(source), "LLAMA_SERVER": str(server), "LLAMA_PYTHON": "sh"}
    script = ["sh", str(ROOT / "configs/serve/llama_server.sh"), "8001", "a/model", "an/adapter", "--threads", "2"]
    done = subprocess.run(
        script, env={**environment, "TMPDIR": str(temporary)}, capture_output=True, text=True, check=True
    )
    command, model, adapter = done.stdout.splitlines()
    assert "--port 8001" in command
    assert command.endswith("--chat-template-file an/adapter/chat_template.jinja --threads 2")
    assert "convert_hf_to_gguf.py a/model --outtype auto" in model
    assert "convert_lora_to_gguf.py an/adapter --base a/model" in adapter
    assert not list(temporary.iterdir())
