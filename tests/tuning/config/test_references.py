"""Names with revisions, in params.yaml."""

import pytest

from tests.tiny import checked
from tuning.config.references import split
from tuning.core.errors import UserError
from tuning.data import mixing
from tuning.data.hub_datasets import HubDataset


def test_what_has_a_revision(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert split("a/b@refs/pr/1") == ("a/b", "refs/pr/1")
    assert split("gpt2@607a30d") == ("gpt2", "607a30d")
    for name in ("a/b", "models/base/one@two", "./a@b", "/a/b@c"):
        assert split(name) == (name, None)
    (tmp_path / "mine@home").mkdir()
    assert split("mine@home") == ("mine@home", None)


def revisions(params):
    return [section.arguments.get("revision") for section in (params.model_config, params.tokenizer_config)]


def test_model_and_tokenizer_have_one_revision(params):
    found = checked(params | {"model": "a/b@v1"})
    assert (found.model, found.tokenizer, revisions(found)) == ("a/b", None, ["v1", "v1"])
    found = checked(params | {"model": "a/b@v1", "tokenizer": "c/d@v2"})
    assert (found.model, found.tokenizer, revisions(found)) == ("a/b", "c/d", ["v1", "v2"])
    found = checked(params | {"model": "a/b@v1", "tokenizer": "c/d"})
    assert revisions(found) == ["v1", None]
    found = checked(params | {"model": "a/b", "model_config": params["model_config"] | {"revision": "v3"}})
    assert revisions(found) == ["v3", "v3"]
    assert revisions(checked(params)) == [None, None]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model": "a/b@"}, "'model': a revision .* must follow the @"),
        ({"model": "a/b@v1", "model_config": {"revision": "v2"}}, "'v1', and 'model_config.revision' 'v2': keep one"),
        ({"model": "a/b", "tokenizer_config": {"revision": "v2"}}, "differs .* set 'model' to a/b@v2"),
        ({"tokenizer": "a/b@v1", "tokenizer_config": {"revision": "v2"}}, "'tokenizer' names revision 'v1'"),
    ],
)
def test_revisions_that_contradict_each_other(params, changes, told):
    for name, value in changes.items():
        params[name] = params[name] | value if name.endswith("_config") else value
    with pytest.raises(UserError, match=told):
        checked(params)


def test_the_protocol_of_google_ifeval_at_a_revision(params):
    params["generation"]["max_new_tokens"] = "auto"
    params["ifeval"]["prompts"] = "google/IFEval@v1"
    assert checked(params).generation.arguments["max_new_tokens"] == 1280


def test_a_part_of_a_data_set():
    ((source),) = mixing.sources({"name": "a/b", "config": "en", "split": "train[:9]", "revision": "v1"})
    assert source.origin == HubDataset("a/b", "en", "train[:9]", "v1")
    assert mixing.sources("a/b@v1")[0].origin == HubDataset("a/b", revision="v1")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"name": "rows.jsonl", "split": "train"}, "is a local file, which has no 'split'"),
        ({"name": "a/b@v1", "revision": "v2"}, "has a 'revision' too, 'v2': keep one"),
        ({"name": "a/b", "config": 1}, "'config' of 'a/b' must be text, not 1"),
        ({"name": "a/b@"}, "must follow the @"),
        (
            {"name": "a/b", "subset": "en"},
            "an entry is a name, or has 'name' and, as needed, 'weight', 'columns', 'con",
        ),
    ],
)
def test_parts_that_cannot_be(entry, told):
    with pytest.raises(UserError, match=told):
        mixing.sources(entry)
