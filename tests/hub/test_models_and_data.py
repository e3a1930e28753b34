"""The six models and the four data sets that have to work, under their ids on the Hub."""

import pytest

from tests.hub import contents
from tests.hub.repositories import Account


@pytest.mark.parametrize("name", contents.MODELS)
def test_a_model_in_shards(hub, client, tmp_path, name):
    files, weights = contents.model(contents.MODELS[name], tmp_path)
    repository = hub.add("models", name, files, gated=name in contents.GATED)
    hub.tokens["reader"] = Account("reader", reads_gated=True)
    found = client.load("model", "reader", model=name)
    assert found["kind"] == contents.MODELS[name]
    assert found["weights"] == pytest.approx(weights)
    assert found["commits"] == {"model": {"name": name, "revision": None, "commit": repository.revisions["main"]}}
    with_template = name in ("Qwen/Qwen2.5-7B", "google/gemma-2-2b-jpn-it")
    assert [found["template"], found["own_template"]] == [with_template, with_template]


def test_alpaca(hub, client):
    repository = hub.add("datasets", "tatsu-lab/alpaca", contents.alpaca())
    found = client.load("rows", dataset="tatsu-lab/alpaca")
    assert found["rows"] == 40
    assert found["commits"] == [repository.revisions["main"]]
    assert found["first"][1][0]["role"] == "assistant"


def test_lima_is_gated_and_has_a_script(hub, client):
    hub.add("datasets", "GAIR/lima", contents.lima(), gated=True)
    hub.tokens["reader"] = Account("reader", reads_gated=True)
    assert "is gated" in client.error("rows", dataset="GAIR/lima")
    found = client.load("rows", "reader", dataset="GAIR/lima")
    assert found["rows"] == 9
    assert found["first"][1] == [{"role": "assistant", "content": "It is 1."}]


def test_ultrabin(hub, client):
    hub.add("datasets", contents.ULTRABIN, contents.ultrabin())
    found = client.load("rows", dataset=contents.ULTRABIN)
    assert found["rows"] == 6
    assert found["first"][1] == [{"role": "assistant", "content": "0, chosen."}]


def test_a_mix_of_them(hub, client):
    for name, files in (("tatsu-lab/alpaca", contents.alpaca()), (contents.ULTRABIN, contents.ultrabin())):
        hub.add("datasets", name, files)
    parts = [{"name": "tatsu-lab/alpaca", "weight": 2, "split": "train[:10]"}, contents.ULTRABIN]
    assert client.load("rows", dataset=parts)["rows"] == 16


def test_the_evaluation_prompts(hub, client):
    repository = hub.add("datasets", "google/IFEval", contents.ifeval())
    found = client.load("prompts", ifeval={"prompts": "google/IFEval"})
    assert found["commits"] == [repository.revisions["main"]]
    assert [row["key"] for row in found["prompts"]] == [1000, 1001]
    assert found["prompts"][1]["kwargs"] == [{"relation": "at least", "num_words": 5}, {"forbidden_words": ["moon"]}]


def test_a_download_that_is_cut_off_is_tried_again(hub, client, tmp_path):
    files, weights = contents.model("llama", tmp_path)
    hub.add("models", "someone/cut", files)
    hub.cuts = 2
    assert client.load("model", model="someone/cut")["weights"] == pytest.approx(weights)
    parts = [path for method, path, _ in hub.requests if method == "GET" and path.startswith("/large/models/someone")]
    assert len(parts) == len(set(parts)) + 2
