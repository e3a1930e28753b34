"""What make says before it takes minutes."""

import os
import shutil
import subprocess

import pytest

from tests.tiny import ROOT


@pytest.fixture
def folder(tmp_path):
    """The project's Makefile as in an unpacked archive, outside any git repository."""
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "tuning/model/bundled_assets.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    analytics = false\n")
    return tmp_path


def make(folder, target):
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent), "PYTHON": "no-such-python"}
    return subprocess.run(["make", target], cwd=folder, env=environment, capture_output=True, text=True)


def repository(folder, *, commit=True):
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    if commit:
        who = ["-c", "user.name=n", "-c", "user.email=n@n"]
        subprocess.run(["git", *who, "commit", "--quiet", "--allow-empty", "-m", "start"], cwd=folder, check=True)


@pytest.mark.parametrize("target", ["setup", "repro", "test"])
def test_a_repository_without_a_commit_is_told_before_set_up(folder, target):
    repository(folder, commit=False)
    done = make(folder, target)
    assert done.returncode != 0
    assert "has no commit" in done.stderr
    assert "git commit" in done.stderr
    assert "no-such-python" not in done.stdout + done.stderr


@pytest.mark.parametrize("target", ["setup", "repro", "test"])
def test_a_folder_without_git_is_told_before_set_up(folder, target):
    done = make(folder, target)
    assert done.returncode != 0
    assert "not a git repository" in done.stderr
    assert "git init" in done.stderr
    assert "no-such-python" not in done.stdout + done.stderr


@pytest.mark.parametrize("way", ["git", "no_scm"])
def test_with_git_or_without_need_of_it_set_up_begins(folder, way):
    if way == "git":
        repository(folder)
    else:
        (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    done = make(folder, "setup")
    assert "not a git repository" not in done.stderr
    assert "no-such-python" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "cache", "told"), [("Übung é", "", True), ("two words", "", False), ("é", "/c", False)]
)
def test_a_path_beyond_ascii_is_told_unless_the_cache_lies_elsewhere(folder, name, cache, told):
    repository(folder)
    moved = folder.rename(folder.with_name(f"{folder.name} {name}"))
    if cache:
        (moved / ".dvc/config.local").write_text(f"[cache]\n    dir = {cache}\n")
    done = make(moved, "setup")
    assert ("dvc cache dir --local" in done.stderr) == told
    assert "no-such-python" in done.stdout + done.stderr
