"""Which revision is loaded, and that model and tokenizer have the same."""

import pytest

from tests.hub import contents


def test_a_tag_a_branch_and_a_commit(hub, client, tmp_path):
    files, older = contents.model("llama", tmp_path / "one")
    repository = hub.add("models", "someone/tagged", files)
    commit = repository.revisions["v1.0"] = repository.revisions["main"]
    files, newer = contents.model("llama", tmp_path / "two", seed=1)
    repository.commit(files)
    repository.revisions["feature/new"] = repository.revisions["main"]
    for revision, weights in (("v1.0", older), (commit, older), ("feature/new", newer)):
        found = client.load("model", model=f"someone/tagged@{revision}")
        assert found["weights"] == pytest.approx(weights)
        assert found["commits"]["model"] == {
            "name": "someone/tagged",
            "revision": revision,
            "commit": repository.at(revision)[0],
        }
    assert client.load("model", model="someone/tagged")["weights"] == pytest.approx(newer)


def test_the_tokenizer_has_the_models_revision_unless_it_has_its_own(hub, client, tmp_path):
    files, _ = contents.model("llama", tmp_path / "base")
    repository = hub.add("models", "someone/changed", files)
    repository.revisions["v1"] = repository.revisions["main"]
    chat, _ = contents.model("qwen2", tmp_path / "chat")
    repository.commit(files | {path: content for path, content in chat.items() if "token" in path or "jinja" in path})
    assert not client.load("model", model="someone/changed@v1")["template"]
    assert client.load("model", model="someone/changed")["template"]
    found = client.load("model", model="someone/changed@v1", tokenizer="someone/changed@main")
    assert found["template"]
    assert [found["commits"][role]["revision"] for role in ("model", "tokenizer")] == ["v1", "main"]
    assert not found["own_template"]
    assert client.load("model", model="someone/changed", tokenizer="someone/changed@v1")["own_template"]


def test_data_sets(hub, client):
    repository = hub.add("datasets", "someone/rows", contents.ultrabin())
    repository.revisions["v1"] = repository.revisions["main"]
    repository.commit(contents.alpaca())
    assert client.load("rows", dataset="someone/rows@v1")["rows"] == 6
    assert client.load("rows", dataset={"name": "someone/rows", "revision": "v1"})["rows"] == 6
    found = client.load("rows", dataset=["someone/rows@v1", "someone/rows"])
    assert found["rows"] == 46
    assert found["commits"] == [repository.revisions["v1"], repository.revisions["main"]]
    prompts = hub.add("datasets", "someone/prompts", contents.ifeval())
    prompts.revisions["refs/convert/parquet"] = prompts.revisions["main"]
    prompts.commit({"README.md": b"# Emptied"})
    assert len(client.load("prompts", ifeval={"prompts": "someone/prompts@refs/convert/parquet"})["prompts"]) == 2
