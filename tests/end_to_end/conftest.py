"""One clone in which the pipeline has run once; every end-to-end test starts from it."""

import pytest

from tests.end_to_end.project import Project


@pytest.fixture(scope="session")
def project(tmp_path_factory, tiny_model):
    project = Project(tmp_path_factory.mktemp("pipeline") / "clone", tiny_model)
    project.ran_first = project.stages_run("repro")
    project.commit("result")
    return project
