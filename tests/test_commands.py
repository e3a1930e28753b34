"""Every command in the documentation: its words are understood, and its parameters are accepted together.

The commands that need neither a GPU nor the Hub are also run, on a tiny project, by the tests in tests/end_to_end and
beside the modules; those that need one are marked with (GPU) or (Hub).
"""

import importlib.util
import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import ROOT
from tuning.config import overrides, params

FILES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
NEEDS_THE_HUB = re.compile(r"=(meta-llama|google|microsoft|Qwen|mistralai|tatsu-lab|GAIR|ContextualAI)/|--push|hf ")
# Programs that are not part of the project's environment.
FOREIGN = {
    "git",
    "pip",
    "vllm",
    "llama-server",
    "python3",
    "source",
    "ray",
    "hf",
    "sbatch",
    "srun",
    "accelerate",
    "ssh",
}


def commands():
    for path in FILES:
        for block in re.findall(r"^```sh\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                if line.strip() and not line.startswith("#"):
                    yield pytest.param(line, id=f"{path.name}: {line[:70]}")


def words(line: str) -> list[str]:
    """The command without comments, optional parts' brackets and variables before it."""
    found = shlex.split(re.sub(r"\[([^\]=:]*)\](?=( |$))", r"\1", line), comments=True)
    while found and re.fullmatch(r"[A-Z_]+=.*", found[0]):
        found = found[1:]
    return found


@pytest.mark.parametrize("line", list(commands()))
def test_it_is_understood(line, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    program, *arguments = words(line)
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(arguments) <= set(targets)
    elif program == "sh":
        understood_by_dvc(passed_to_dvc(arguments, tmp_path))
    elif program == "dvc":
        understood_by_dvc(arguments)
    elif program == "python":
        understood_by_a_module(arguments)
    elif program == "bash":
        assert (ROOT / arguments[0]).is_file()
    else:
        assert program in FOREIGN, program


@pytest.mark.parametrize("line", [line for line in commands() if NEEDS_THE_HUB.search(line.values[0])])
def test_it_says_what_it_needs(line):
    free = "stages.estimate" in line or "engine=openai" in line or line.startswith("vllm")
    assert free or "(Hub" in line or "Hub)" in line, line


def passed_to_dvc(arguments: list[str], folder: Path) -> list[str]:
    """The arguments with which a script calls dvc, told by a program of that name that only prints them."""
    stand_in = folder / "dvc"
    stand_in.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", encoding="utf-8")
    stand_in.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    command, environment = ["sh", *arguments], {**os.environ, "PATH": path, "LLAMA_CPP": "llama.cpp"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def understood_by_dvc(arguments: list[str]) -> None:
    """DVC knows the options, and the values that they set are accepted."""
    from dvc.cli import parse_args

    parse_args(arguments)
    if arguments[:2] == ["exp", "run"]:
        accepted(arguments)


def accepted(arguments: list[str]) -> None:
    """Each value that a key may sweep over is accepted with the others."""
    given = changes(arguments)
    choices = [[f"{name}={value}" for value in values_of(text)] for name, _, text in (g.partition("=") for g in given)]
    for place in range(max(map(len, choices), default=1)):
        overrides.apply([values[min(place, len(values) - 1)] for values in choices])


def changes(arguments: list[str]) -> list[str]:
    """What -S sets."""
    return [value for flag, value in itertools.pairwise(arguments) if flag in ("-S", "--set-param")]


def values_of(text: str) -> list[str]:
    """``4,8,16`` is a sweep; lists and mappings are values."""
    return [text] if text[:1] in "[{" else text.split(",")


def understood_by_a_module(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        _, module, *rest = arguments
        assert importlib.util.find_spec(module), module
    else:
        module, *rest = arguments
        assert (ROOT / module).is_file(), module
        return
    if module in ("stages.estimate", "stages.evaluate"):
        overrides.apply(changes(rest))
    options = [word for word in rest if word.startswith("-")]
    if options and module != "pytest":
        subcommand = [word for word in rest[:1] if not word.startswith("-") and module == "ifeval"]
        command = [sys.executable, "-m", module, *subcommand, "--help"]
        shown = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout
        assert all(re.search(rf"(^|[\s,\[]){re.escape(option)}\b", shown) for option in options), (options, shown)


def test_the_reference_differs_from_the_default_in_what_the_script_says(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    arguments = passed_to_dvc(["configs/reference.sh", "-S", "seed=7"], tmp_path)
    values, default = overrides.apply(changes(arguments)), params.read_params()
    assert values.seed == 7
    usual = default.train.arguments
    assert {key: value for key, value in values.train.arguments.items() if usual.get(key) != value} == {
        "learning_rate": 1.5e-3,
        "neftune_noise_alpha": 5,
        "num_train_epochs": 2,
    }
    usual = default.data.instructions.model_dump()
    changed = {key: value for key, value in values.data.instructions if usual[key] != value}
    assert changed == {"variants": 4}
    rows = {entry["name"]: entry["weight"] for entry in values.dataset}
    assert rows == {name: len((ROOT / name).read_text().splitlines()) for name in rows}
    assert set(rows) == {f"data/starter/{name}.jsonl" for name in ("instructions", "forms")}


def test_params_of_the_project_are_accepted(monkeypatch):
    monkeypatch.chdir(ROOT)
    params.read_params()
