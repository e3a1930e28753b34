"""A clone in which the pipeline has run once; every end-to-end test starts from it."""

import json
import os

import pytest
from filelock import FileLock

from tests.end_to_end.project import Project


@pytest.fixture(scope="session")
def project(tmp_path_factory, tiny_model):
    """One of several processes runs the pipeline, and each has a copy of the clone."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    finished, ran_first = shared / "pipeline", shared / "pipeline.json"
    with FileLock(shared / "pipeline.lock"):
        if not finished.exists():
            made = Project.make(tmp_path_factory.mktemp("pipeline") / "clone", tiny_model)
            ran_first.write_text(json.dumps(made.stages_run("repro")))
            made.commit("result")
            made.folder.rename(finished)
    project = Project.copy(finished, tmp_path_factory.mktemp("pipeline") / "clone")
    project.ran_first = json.loads(ran_first.read_text())
    return project
