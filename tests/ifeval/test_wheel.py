"""The wheel, installed where there is nothing but what it depends on, scores responses."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import nltk
import pytest
from packaging.requirements import Requirement

from tests.tiny import ROOT

PACKAGES = ("ifeval", "tuning", "stages")
PROMPTS = [
    {
        "key": 1,
        "prompt": "Two sentences in German.",
        "instruction_id_list": ["length_constraints:number_sentences", "language:response_language"],
        "kwargs": [{"num_sentences": 2, "relation": "at least"}, {"language": "de"}],
    },
    {
        "key": 2,
        "prompt": "Under five words, one in capitals.",
        "instruction_id_list": ["length_constraints:number_words", "change_case:capital_word_frequency"],
        "kwargs": [{"num_words": 5, "relation": "less than"}, {"capital_frequency": 1, "capital_relation": "at least"}],
    },
]
RESPONSES = [
    {"key": 1, "response": "Das Brot ist noch warm. Die Kinder essen es am liebsten sofort."},
    {"key": 2, "response": "these are more than FIVE words"},
]


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, encoding="utf-8", **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, since a build leaves files beside the sources."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("LICENSE*"), *map(ROOT.joinpath, ("pyproject.toml", "README.md", "requirements.txt"))):
        shutil.copy(file, source)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = run(*build, "--wheel-dir", folder, source)
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def needed(requirements, **settings):
    """Names and versions of the requirements whose markers hold with these settings."""
    found = map(Requirement, requirements)
    return {(one.name, str(one.specifier)) for one in found if not one.marker or one.marker.evaluate(settings)}


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A virtual environment with the wheel, and links to what it depends on in the environment of the tests."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, symlinks=os.name != "nt")
    (python,) = [*folder.glob("bin/python"), *folder.glob("Scripts/python.exe")]
    done = run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel)
    assert done.returncode == 0, done.stderr
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    waiting, linked = needed(metadata(wheel).get_all("Requires-Dist"), extra=""), set()
    while waiting:
        name, _ = waiting.pop()
        if name not in linked:
            linked.add(name)
            held = distribution(name)
            for top in {file.parts[0] for file in held.files} - {"..", "__pycache__"}:
                (site / top).symlink_to(Path(held.locate_file(top)).resolve())
            waiting |= needed(held.requires or [], extra="")
    return python


def test_the_wheel_holds_the_packages_whole_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = [file for name in PACKAGES for file in (ROOT / name).rglob("*") if file.is_file()]
    files = [file for file in files if "__pycache__" not in file.parts]
    assert held == {file.relative_to(ROOT).as_posix() for file in files}


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12"])
def test_dependencies_are_those_of_requirements_txt(wheel, version):
    held = metadata(wheel).get_all("Requires-Dist")
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = needed([line for line in lines if line and not line.startswith("#")], python_version=version)
    alone = needed(held, python_version=version, extra="")
    assert {name for name, _ in alone} == {"langdetect", "nltk", "numpy", "regex"}
    assert alone < pinned
    assert needed(held, python_version=version, extra="tune") == pinned


def test_the_licence_is_named(wheel):
    assert metadata(wheel)["License-Expression"] == "Apache-2.0"


def test_two_responses_are_scored_where_there_is_nothing_else(environment, tmp_path):
    for name, rows in (("prompts", PROMPTS), ("responses", RESPONSES)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    heavy = ("torch", "transformers", "datasets", "dvc", "trl", "lm_eval")
    code = f"import importlib.util as u; print([name for name in {heavy} if u.find_spec(name)])"
    assert run(environment, "-I", "-c", code).stdout.strip() == "[]"
    command = environment.with_name(f"ifeval{environment.suffix}")
    arguments = ["--prompts", "prompts.jsonl", "--responses", "responses.jsonl", "--json"]
    # Elsewhere than in the sources, so that the installed package is the one that is found.
    settings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = run(
        command, "score", *arguments, cwd=tmp_path, env={**settings, "NLTK_DATA": os.pathsep.join(nltk.data.path)}
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores["inst_level_strict_acc"] == 0.75
    assert {name: part["strict_acc"] for name, part in scores["by_type"].items()} == {
        "change_case:capital_word_frequency": 1,
        "language:response_language": 1,
        "length_constraints:number_sentences": 1,
        "length_constraints:number_words": 0,
    }


def test_a_missing_sentence_model_is_named_with_the_command_that_fetches_it(monkeypatch, tmp_path):
    from ifeval import tokenization

    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    with pytest.raises(FileNotFoundError, match="python -m nltk.downloader punkt_tab"):
        tokenization._punkt.__wrapped__()
