"""A project in a folder whose path has spaces and letters beyond ASCII."""

import shutil

import pytest

from tests.end_to_end.project import Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def moved(project, tmp_path_factory):
    """The finished project in such a folder, its cache moved as docs/troubleshooting.md says."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "Übung mit é").mkdir()
    moved = Project.copy(project.folder, folder / "Übung mit é/mein projekt")
    shutil.move(moved.folder / ".dvc/cache", folder / "cache")
    moved.dvc("cache", "dir", "--local", str(folder / "cache"))
    moved.run("git", "checkout", "--quiet", ".")
    moved.dvc("checkout", "--force")
    return moved


def test_all_is_up_to_date_and_runs(moved):
    assert moved.stages_run("repro") == []
    assert moved.stages_run("repro", "--force", "--single-item", "ifeval") == ["ifeval"]
    moved.run("git", "checkout", "--quiet", ".")
    moved.dvc("checkout", "--force")


def test_temporary_folders_and_queues(moved):
    moved.dvc("exp", "run", "--temp", "--name", "temporary", "--set-param", "lora.r=2", "train")
    moved.dvc("exp", "run", "--queue", "--name", "queued", "--set-param", "lora.r=3", "train")
    log = moved.run("dvc", "exp", "run", "--run-all", "--jobs", "1", check=False).stdout
    listed = moved.dvc("exp", "list")
    assert "temporary" in listed
    assert "queued" in listed, log
    assert moved.run("git", "status", "--porcelain").stdout == ""
