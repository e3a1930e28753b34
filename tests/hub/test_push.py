"""Exporting to the Hub: refused before the work, or uploaded to the repository that was made."""

import json

import pytest

from ifeval import scoring
from ifeval.instructions import build
from ifeval.records import Prompt
from tests import tiny
from tests.hub.conftest import Project
from tests.hub.repositories import Account

PROMPTS = [Prompt(key, "Say hello.", [build("punctuation:no_comma", {})]) for key in (1, 2)]


@pytest.fixture
def project(hub, tmp_path):
    """A folder with what stands for an adapter, and scores."""
    organizations = {"organizations": ("mine",)}
    hub.tokens["writer"] = Account("me", may_write=True, **organizations)
    hub.tokens |= {"reader": Account("me", **organizations), "old": Account("me", expired=True)}
    project = Project(tmp_path, hub)
    project.write(tiny.params("models/base/tiny", "tatsu-lab/alpaca@v1", "google/IFEval@v1"))
    judged = scoring.judge_all(PROMPTS, {1: "a, b", 2: "c"})
    scores = {"base": scoring.score(judged), "tuned": scoring.score(judged)}
    scores["difference"] = scoring.difference(judged, judged)
    written = {
        "models/adapter/adapter_config.json": {},
        "data/report/scores.json": scores,
        "metrics/train.json": {"steps": 1, "tokens": 2},
    }
    for path, value in written.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(json.dumps(value), encoding="utf-8")
    tiny.tokenizer().save_pretrained(tmp_path / "models/adapter")
    return project


@pytest.mark.parametrize(
    ("name", "token", "told"),
    [
        ("mine/model", None, "there is no token for the Hub here: log in with `hf auth login`"),
        ("mine/model", "revoked", "your token is refused (the Hub answers 401, "),
        ("mine/model", "old", "is expired"),
        ("me/model", "reader", "your token may only read"),
        ("someone/model", "writer", "me may write to me, mine, and not to someone"),
        ("me/a/b", "writer", "repository 'me/a/b' cannot be written to: HFValidationError"),
    ],
)
def test_what_cannot_be_pushed_is_said_before_the_work(project, hub, name, token, told):
    done, _ = project.run("export", "out", "--adapter", "--push", name, token=token)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.folder / "out").exists()
    assert not [repository for _, repository in hub.repositories if repository.endswith("model")]


def test_what_fails_before_the_upload_leaves_no_empty_repository(project, hub):
    done, _ = project.run("export", "out", "--push", "me/whole", token="writer")
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert not (project.folder / "out").exists()
    assert ("models", "me/whole") not in hub.repositories


@pytest.mark.parametrize(("name", "made"), [("plain", "me/plain"), ("mine/shared", "mine/shared")])
def test_the_folder_comes_to_the_repository_that_was_made(project, hub, name, made):
    project.stage("export", "out", "--adapter", "--push", name, "--private", token="writer")
    repository = hub.repositories["models", made]
    assert repository.private
    _, files = repository.at("main")
    assert set(files) >= {"README.md", "adapter_config.json"}
    assert files["README.md"] == (project.folder / "out/README.md").read_bytes()
    assert b"- tatsu-lab/alpaca\n" in files["README.md"]


def test_what_the_hub_refuses_later_leaves_the_folder(project, hub, monkeypatch):
    monkeypatch.setattr(hub, "takes_uploads", False)
    done, _ = project.run("export", "out", "--adapter", "--push", "me/late", token="writer")
    assert done.returncode == 1
    assert "your token has no right to write to it (the Hub answers 403, " in done.stderr
    assert "out stays: `hf upload me/late out` tries again" in done.stderr
    assert (project.folder / "out/README.md").is_file()
