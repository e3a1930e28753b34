"""dvc.yaml names the rooms that each stage's result comes from, and rooms import each other in one direction only."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.tiny import ROOT
from tuning.config import automatic
from tuning.config.declared import names

# Keys that stages read and do not declare: changing one runs nothing again.
UNDECLARED = {
    "resources.strict": "it stops a run that would not fit in memory, and changes none that goes on",
    "generation.base_url": "the same model answers the same wherever its server is; a model of its own has a name",
    "generation.concurrency": "how many requests are under way changes when an answer comes, and not the answer",
    "generation.timeout": "an answer that comes in time is the same whatever the limit",
}
# What only code that a stage imports and does not run would read: resources loads no tokenizer.
NOT_RUN = {"resources": {"tokenizer_config"}}
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# Rooms that observe a run or refuse it, and never change its result; what they read stands under params.
OBSERVERS = {"tuning/memory", "tuning/config"}
AUTOMATIC = "tuning/config/automatic.py"  # the one file of these whose numbers go into results
# What each room may import besides itself.
ARROWS = {
    "ifeval": set(),
    "tuning/core": {"ifeval"},
    "tuning/config": {"tuning/core"},
    "tuning/model": {"tuning/config", "tuning/core"},
    "tuning/generation": {"tuning/model", "tuning/config", "tuning/core", "ifeval"},
    "tuning/data": {"tuning/generation", "tuning/model", "tuning/config", "tuning/core", "ifeval"},
    "tuning/training": {"tuning/generation", "tuning/model", "tuning/config", "tuning/core"},
    "tuning/memory": {"tuning/training", "tuning/generation", "tuning/model", "tuning/config", "tuning/core"},
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


def keys(values: dict, prefix: str = "") -> set[str]:
    """``section.key`` names of two levels."""
    found = set()
    for name, value in values.items():
        found |= keys(value, f"{name}.") if isinstance(value, dict) and not prefix else {prefix + name}
    return found


def declares(stage: str) -> set[str]:
    """``section.key`` names that a stage declares, by themselves or with their section."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return {name for name in keys(values) if name in names(stage) or name.partition(".")[0] in names(stage)}


def read(stage: str) -> set[str]:
    """Top-level keys, sections, and ``section.key`` names that a stage's code takes from ``params``."""
    found = set()
    for file in reached(ROOT / f"stages/{stage}.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        inner = {node.value for node in attributes}
        chains = [ast.unparse(node) for node in attributes if node not in inner]
        taken = [re.split(r"\b(?:read_)?params(?:\(\))?\.", chain) for chain in chains]
        found |= {".".join(parts[1].split(".")[:2]) for parts in taken if len(parts) == 2}
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    return {name.removesuffix(".arguments") for name in found if name.partition(".")[0] in values}


def test_every_key_is_declared_by_a_stage_but_those_that_change_nothing():
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert keys(values) - set().union(*map(declares, STAGES)) == set(UNDECLARED)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_declares_what_it_reads(stage):
    declared = declares(stage) | {name.partition(".")[0] for name in declares(stage)}
    assert read(stage)
    assert read(stage) - declared <= set(UNDECLARED) | NOT_RUN.get(stage, set())


def test_base_and_tuned_model_answer_by_the_same_keys():
    decoding = [{name for name in names(stage) if name.startswith("generation")} for stage in ("baseline", "generate")]
    own = [{"generation.base_template", "generation.serve"}, {"generation.serve_adapter"}]
    assert decoding[0] - own[0] == decoding[1] - own[1]
    assert [own[0] <= decoding[0], own[1] <= decoding[1]] == [True, True]
    assert "generation" not in decoding[0]


def test_no_output_is_unfinished_work_or_kept_by_force():
    outputs = [out for stage in STAGES.values() for out in [*stage.get("outs", []), *stage.get("metrics", [])]]
    paths = [path for out in outputs for path in ([out] if isinstance(out, str) else out)]
    assert not [path for path in paths if path.startswith("unfinished")]
    assert not [out for out in outputs if isinstance(out, dict) and any(kept.get("persist") for kept in out.values())]


def test_the_run_cache_takes_every_stage():
    """It takes none with an output that is in no cache, unless this is a metric (dvc.stage.Stage.run)."""
    assert not [out for stage in STAGES.values() for out in stage["outs"] if isinstance(out, dict)]


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
    decided = {".".join(path[:2]) for values in automatic._BY_PROMPTS.values() for path in values}
    assert code == {f"stages/{stage}.py", *rooms, *([AUTOMATIC] if decided & declares(stage) else [])}
