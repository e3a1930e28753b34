"""dvc.yaml says exactly what each stage imports and which keys it reads."""

import ast
from pathlib import Path

import pytest
import yaml

from tests.tiny import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# Files that a stage reads without importing them.
ALSO_READ = {
    "stages/lib/chat.py": {"stages/lib/chatml.jinja"},
    "stages/lib/report.py": {"stages/lib/templates/report.html"},
}


def imported(path: Path) -> set[str]:
    """Project files that a file imports, directly and indirectly, itself included."""
    found: set[Path] = set()
    queue = [path]
    while queue:
        file = queue.pop()
        if file in found:
            continue
        found.add(file)
        for name in imported_names(file):
            parts = name.split(".")
            for depth in range(1, len(parts) + 1):
                base = ROOT.joinpath(*parts[:depth])
                queue += [c for c in (base.with_suffix(".py"), base / "__init__.py") if c.is_file()]
    names = {str(file.relative_to(ROOT)) for file in found}
    return names.union(*(ALSO_READ.get(name, set()) for name in names))


def imported_names(file: Path, roots: tuple[str, ...] = ("stages", "ifeval")) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] in roots]


def keys_read(path: Path) -> list[str]:
    """The arguments of the stage's calls of read_params."""
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "read_params"
    ]
    calls.sort(key=lambda call: call.lineno)
    return [argument.value for call in calls for argument in call.args]


def test_the_stages_are_these_and_in_this_order():
    assert list(STAGES) == ["prepare", "baseline", "train", "generate", "ifeval", "resources"]


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_the_imports(stage):
    code = {dep for dep in STAGES[stage]["deps"] if dep.startswith(("stages/", "ifeval/"))}
    assert code == imported(ROOT / "stages" / f"{stage}.py")


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_keys_read(stage):
    assert STAGES[stage]["params"] == keys_read(ROOT / "stages" / f"{stage}.py")


@pytest.mark.parametrize("stage", STAGES)
def test_every_file_between_stages_is_an_output_of_one(stage):
    kinds = [stage.get(kind, []) for stage in STAGES.values() for kind in ("outs", "metrics")]
    outs = [path for kind in kinds for out in kind for path in out]
    assert len(outs) == len(set(outs))
    files = [dep for dep in STAGES[stage]["deps"] if not dep.startswith(("stages/", "ifeval/"))]
    assert all(dep in outs or dep in ("data/own", "data/starter") for dep in files)


def test_no_stage_imports_another():
    for stage in STAGES:
        others = {f"stages/{other}.py" for other in STAGES if other != stage}
        assert not others & imported(ROOT / "stages" / f"{stage}.py")


def test_ifeval_stands_alone():
    for file in (ROOT / "ifeval").rglob("*.py"):
        assert imported_names(file, roots=("stages", "torch", "transformers", "dvc", "datasets")) == []
