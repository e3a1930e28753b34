"""dvc.yaml names the rooms that each stage's result comes from, and rooms import each other in one direction only."""

import ast
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.tiny import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# Rooms that observe a run or refuse it, and never change its result; what they read stands under params.
OBSERVERS = {"tuning/memory", "tuning/config"}
# What each room may import besides itself.
ARROWS = {
    "ifeval": set(),
    "tuning/core": {"ifeval"},
    "tuning/config": {"tuning/core"},
    "tuning/model": {"tuning/config", "tuning/core"},
    "tuning/generation": {"tuning/model", "tuning/config", "tuning/core", "ifeval"},
    "tuning/data": {"tuning/generation", "tuning/model", "tuning/config", "tuning/core", "ifeval"},
    "tuning/training": {"tuning/model", "tuning/config", "tuning/core"},
    "tuning/memory": {"tuning/generation", "tuning/model", "tuning/config", "tuning/core"},
    "tuning/report": {"tuning/model", "tuning/config", "tuning/core", "ifeval"},
    "stages": None,  # every room, and no other stage
}


def room(path: Path) -> str:
    """The room that a file lies in."""
    parts = path.relative_to(ROOT).parts
    return "/".join(parts[:2]) if parts[0] == "tuning" else parts[0]


@cache
def imported(path: Path) -> frozenset[Path]:
    """The project's files that a file imports."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    bases = [ROOT.joinpath(*name.split(".")) for name in names if name.split(".")[0] in ("stages", "tuning", "ifeval")]
    found = [file for base in bases for file in (base.with_suffix(".py"), base / "__init__.py")]
    return frozenset(file for file in found if file.is_file())


def reached(path: Path) -> set[Path]:
    """The files that a script imports, directly and indirectly, but not through rooms that only observe."""
    found, queue = set(), [path]
    while queue:
        file = queue.pop()
        if file not in found and room(file) not in OBSERVERS:
            found.add(file)
            queue += imported(file)
    return found


def test_the_stages_are_these_and_in_this_order():
    assert list(STAGES) == ["prepare", "baseline", "train", "generate", "ifeval", "resources"]


@pytest.mark.parametrize("name", ARROWS)
def test_rooms_import_only_what_the_table_allows(name):
    for file in (ROOT / name).rglob("*.py"):
        others = {room(other) for other in imported(file)} - {name}
        if ARROWS[name] is None:
            assert not [other for other in imported(file) if room(other) == name and other.name != "__init__.py"]
        else:
            assert others - {"tuning"} <= ARROWS[name], file


def test_the_scorer_needs_neither_torch_nor_transformers():
    for file in (ROOT / "ifeval").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        assert not {name.split(".")[0] for name in names} & {"torch", "transformers", "datasets", "tuning", "stages"}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_rooms_that_the_stage_reaches(stage):
    script = ROOT / f"stages/{stage}.py"
    code = {dep for dep in STAGES[stage]["deps"] if dep.startswith(("stages", "tuning", "ifeval"))}
    if stage == "resources":  # observing is its result
        assert code == {"stages/resources.py", "tuning"}
        return
    rooms = {room(file) for file in reached(script)} - {"stages", "tuning"}
    if stage not in ("prepare", "ifeval"):  # of the benchmark they only use how lines are read and written
        rooms.discard("ifeval")
    assert code == {f"stages/{stage}.py", *rooms}
