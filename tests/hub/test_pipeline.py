"""The stages use the commits that prepare has found, whatever becomes of the repositories, and without the Hub."""

import json

import pytest

from tests import tiny
from tests.hub import contents
from tests.hub.conftest import Project

MODEL, DATA, BARE, PROMPTS = "Qwen/Qwen2.5-7B", "GAIR/lima", "someone/bare", "google/IFEval"
WRITTEN = ("commits.json", "train.jsonl", "validation.jsonl", "prompts.jsonl")


@pytest.fixture(scope="module")
def project(hub, tmp_path_factory):
    """Prepared from repositories that have changed since."""
    folder = tmp_path_factory.mktemp("project")
    values = tiny.params(MODEL, [DATA, {"name": BARE, "split": "train[:5]"}], PROMPTS)
    values["data"]["num_val"] = 2
    values["train"].update(max_steps=1)
    project = Project(folder, hub)
    project.write(values)
    files, _ = contents.model("qwen2", folder / "one")
    hub.add("models", MODEL, files)
    hub.add("datasets", DATA, contents.lima())
    hub.add("datasets", BARE, {path: content for path, content in contents.alpaca().items() if path != "README.md"})
    hub.add("datasets", PROMPTS, contents.ifeval())
    project.commits = [repository.revisions["main"] for repository in hub.repositories.values()]
    project.stage("prepare")
    files, _ = contents.model("qwen2", folder / "two", seed=1)
    hub.repositories["models", MODEL].commit(files)
    for name in (DATA, BARE, PROMPTS):
        hub.repositories["datasets", name].commit({"README.md": b"# Emptied"})
    return project


def prepared(project):
    written = {name: (project.folder / "data/prepared" / name).read_bytes() for name in WRITTEN}
    return written | {"data.json": (project.folder / "metrics/data.json").read_bytes()}


def test_prepare_writes_the_commits_down(project):
    model, rows, bare, prompts = project.commits
    written = prepared(project)
    assert json.loads(written["commits.json"]) == {"model": {"name": MODEL, "revision": None, "commit": model}}
    assert json.loads(written["data.json"])["hub"] == {
        "model": {"name": MODEL, "commit": model},
        "dataset": [
            {"name": DATA, "config": None, "split": "train", "commit": rows},
            {"name": BARE, "config": None, "split": "train[:5]", "commit": bare},
        ],
        "prompts": {"name": PROMPTS, "config": None, "split": "train", "commit": prompts},
    }


def test_the_stages_use_them_with_the_hub_and_without_and_the_report_shows_them(project, hub):
    old, new = project.commits[0], hub.repositories["models", MODEL].revisions["main"]
    requests = project.stage("baseline")
    assert any(f"/large/models/{MODEL}/{old}/" in path for _, path, _ in requests)
    assert not any(new in path or "/main" in path for _, path, _ in requests)
    hub.fault = 503
    for name in ("train", "generate"):
        assert project.stage(name) == [("HEAD", "/", 503)]
    assert project.stage("ifeval") == []
    page = (project.folder / "data/report/index.html").read_text(encoding="utf-8")
    for name, commit in zip((MODEL, DATA, BARE, PROMPTS), project.commits, strict=True):
        assert name in page
        assert f"commit {commit}" in page


@pytest.mark.parametrize("down", [True, False])
def test_prepare_again(project, hub, down):
    """The same from the cache where the Hub is down, and what is new where it is not."""
    before, hub.fault = prepared(project), 503 if down else None
    if down:
        assert project.stage("prepare") == [("HEAD", "/", 503)]
        assert prepared(project) == before
        return
    for name, files in ((DATA, contents.lima()), (BARE, contents.alpaca()), (PROMPTS, contents.ifeval())):
        hub.repositories["datasets", name].commit(files | {"README.md": b"# Changed"})
    project.stage("prepare")
    after = prepared(project)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"commits.json", "data.json"}


def test_what_is_not_in_the_cache_is_told_at_once(project, hub, tmp_path):
    hub.fault = 503
    other = Project(tmp_path, hub)
    other.write(tiny.params("someone/else", DATA, PROMPTS))
    done, requests = other.run("prepare")
    assert done.returncode == 1
    assert "model 'someone/else' is not here, and the Hub cannot be reached (http" in done.stderr
    assert "answers 503" in done.stderr
    assert "Traceback" not in done.stderr
    assert requests == [("HEAD", "/", 503)]
