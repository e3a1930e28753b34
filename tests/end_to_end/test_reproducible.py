"""Two forced runs on one machine: the same bytes in everything that is a result."""

from tests.end_to_end.project import Project

MEASUREMENTS = {"metrics/measured/train.json", "metrics/measured/generate.json", "metrics/resources.json"}


def outputs(project):
    """The hash of each output in dvc.lock."""
    stages = project.lock()["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage["outs"]}


def test_two_forced_runs_give_the_same_bytes(tmp_path, tiny_model):
    project = Project(tmp_path / "clone", tiny_model)
    project.dvc("repro", "--force")
    first = outputs(project)
    project.dvc("repro", "--force")
    second = outputs(project)
    assert first.keys() == second.keys()
    assert {path for path in first if first[path] != second[path]} <= MEASUREMENTS
    assert "models/adapter" in first
