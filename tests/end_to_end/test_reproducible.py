"""Two runs on one machine: the same bytes in everything that is a result."""

import pytest

pytestmark = pytest.mark.slow

MEASURED = {f"metrics/measured/{stage}.json" for stage in ("baseline", "train", "generate")}


def outputs(project):
    """The hash of each output in dvc.lock."""
    stages = project.lock()["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}


def test_a_forced_run_gives_the_same_bytes(project):
    first = outputs(project)
    assert len(project.stages_run("repro", "--force")) == 6
    second = outputs(project)
    assert first.keys() == second.keys()
    assert {path for path in first if first[path] != second[path]} <= MEASURED | {
        "metrics/resources.json",
    }
    assert "models/adapter" in first
    project.run("git", "checkout", "--quiet", ".")
