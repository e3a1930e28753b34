"""What the Hub refuses is told in its own words, with what to do; nothing ends in a traceback or a question."""

import json

import pytest

from tests.hub import contents
from tests.hub.repositories import Account
from tuning.data import evaluation_prompts


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Of a small model."""
    return contents.model("qwen2", tmp_path_factory.mktemp("model"))[0]


@pytest.fixture(scope="module", autouse=True)
def accounts(hub):
    hub.tokens.update(other=Account("other"), expired=Account("other", expired=True))


@pytest.mark.parametrize("token", ["revoked", "expired"])
@pytest.mark.parametrize(("what", "key"), [("model", "model"), ("rows", "dataset")])
def test_a_refused_token_bars_what_is_public(hub, client, files, token, what, key):
    name = f"someone/public-{what}-{token}"
    hub.add("models" if what == "model" else "datasets", name, files if what == "model" else contents.alpaca())
    told = client.error(what, token, **{key: name})
    assert f"{name}': your token is refused (the Hub answers 401, " in told
    assert ("is expired" if token == "expired" else "Invalid credentials") in told
    assert "hf auth login" in told
    assert "network" not in told


@pytest.mark.parametrize(("what", "key", "page"), [("model", "model", ""), ("rows", "dataset", "datasets/")])
def test_a_gated_repository_says_where_to_ask(hub, client, files, what, key, page):
    name = f"someone/gated-{what}"
    hub.add("models" if what == "model" else "datasets", name, files if page == "" else contents.alpaca(), gated=True)
    told = client.error(what, **{key: name})
    assert "it is gated (the Hub answers 401" in told
    assert f"accept its licence on https://huggingface.co/{page}{name}, then log in" in told
    told = client.error(what, "other", **{key: name})
    assert "your token has no access to it (the Hub answers 403, 'Access to" in told
    assert "awaiting a review" in told
    assert f"ask for it on https://huggingface.co/{page}{name}" in told


@pytest.mark.parametrize(("what", "key"), [("model", "model"), ("rows", "dataset")])
@pytest.mark.parametrize("token", [None, "other"])
def test_what_is_missing_or_private(hub, client, files, what, key, token):
    hub.add("models" if what == "model" else "datasets", f"someone/private-{what}", files, private=True)
    for name in (f"someone/private-{what}", f"someone/missing-{what}"):
        told = client.error(what, token, **{key: name})
        assert "neither here as a folder nor on the Hub (the Hub answers 40" in told
        assert "check the name; if it is private, log in" in told


@pytest.mark.parametrize(
    ("what", "values"),
    [
        ("model", {"model": "someone/model@v9"}),
        ("rows", {"dataset": "someone/rows@v9"}),
        ("rows", {"dataset": {"name": "someone/rows", "revision": "v9"}}),
        ("prompts", {"ifeval": {"prompts": "someone/rows@v9"}}),
    ],
)
def test_a_revision_that_is_not_there(hub, client, files, what, values):
    hub.add("models", "someone/model", files)
    hub.add("datasets", "someone/rows", contents.alpaca())
    told = client.error(what, **values)
    assert "it has no such revision (the Hub answers 404, 'Invalid rev id: v9')" in told


@pytest.mark.slow
def test_too_many_requests(hub, client):
    hub.fault = 429
    told = client.error("model", model="someone/busy")
    assert "the Hub answers 429, 'Too many requests'" in told
    assert "try again in some minutes" in told


def test_a_model_with_code_of_its_own_names_the_keys_and_asks_nothing(hub, client, files):
    config = json.loads(files["config.json"]) | {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}
    hub.add("models", "someone/code", files | {"config.json": json.dumps(config).encode(), "own.py": b"1 / 0"})
    told = client.error("model", model="someone/code")
    assert "contains custom code" in told
    assert "+model_config.trust_remote_code=true" in told
    assert "+tokenizer_config.trust_remote_code=true" in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"config.json": b'{"model_type": "brand_new"}'}, "`brand_new` but Transformers does not recognize"),
        ({"config.json": b"{nonsense"}, "is not a valid JSON file"),
        ({"model-00002-of-00004.safetensors": b"rubbish" * 9}, "SafetensorError: Error while deserializing header"),
    ],
)
def test_what_the_library_says_is_kept(hub, client, files, changes, told):
    hub.add("models", "someone/broken", files | changes)
    found = client.error("model", model="someone/broken")
    assert "'someone/broken' cannot be loaded: " in found
    assert told in found
    assert len(found) < 1000


def test_a_model_without_a_tokenizer(hub, client, files):
    hub.add("models", "someone/mute", {path: content for path, content in files.items() if "token" not in path})
    assert "has no files of a tokenizer: set 'tokenizer'" in client.error("model", model="someone/mute")


@pytest.mark.parametrize("with_tokenizer", [True, False])
def test_an_adapter_is_no_model(hub, client, files, with_tokenizer, tmp_path):
    adapter = {
        "adapter_config.json": b'{"base_model_name_or_path": "someone/base", "peft_type": "LORA"}',
        "adapter_model.safetensors": b"",
    }
    if with_tokenizer:
        adapter |= {path: content for path, content in files.items() if "token" in path}
    hub.add("models", "someone/adapter", adapter)
    for path, content in adapter.items():
        (tmp_path / path).write_bytes(content)
    for name in ("someone/adapter", str(tmp_path)):
        told = client.error("model", model=name)
        assert f"{name}' is an adapter of someone/base, and no whole model: set 'model' to someone/base" in told


def test_gguf_is_not_for_training(hub, client, tmp_path):
    hub.add("models", "someone/gguf", {"README.md": b"# Quants", "model-Q4_K_M.gguf": b"GGUF"})
    (tmp_path / "model-Q4_K_M.gguf").write_bytes(b"GGUF")
    for name in ("someone/gguf", str(tmp_path), str(tmp_path / "model-Q4_K_M.gguf")):
        told = client.error("model", model=name)
        assert "is in llama.cpp's format, GGUF, which cannot be trained" in told
        assert "original weights" in told


TWO = (
    "---\nconfigs:\n- config_name: one\n  data_files: data/train-*\n- config_name: two\n  data_files:\n"
    "  - split: test\n    path: data/train-*\n---\n"
)
TEST = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: test\n    path: data/train-*\n---\n"


@pytest.mark.parametrize(
    ("dataset", "told"),
    [
        (
            "someone/two",
            "['one', 'two'] Example of usage: `load_dataset('someone/two', 'one')`; choose one: `dataset: {",
        ),
        ({"name": "someone/two", "config": "three"}, "'three' not found. Available: ['one', 'two']; choose one"),
        (
            {"name": "someone/two", "config": "two"},
            "Should be one of ['test'].; choose one: `dataset: {name: someone/two, s",
        ),
        (
            "someone/script",
            "scripts are no longer supported, but found script.py; many such data sets are there as Parquet",
        ),
        ("someone/empty", "doesn't contain any data files"),
        ("someone/nonsense", "JSON parse error"),
    ],
)
def test_a_data_set_that_needs_more_than_its_name(hub, client, dataset, told):
    hub.add("datasets", "someone/two", contents.alpaca() | {"README.md": TWO.encode()})
    hub.add("datasets", "someone/script", {"README.md": b"# Script", "script.py": b"1 / 0"})
    hub.add("datasets", "someone/empty", {"README.md": b"# Empty"})
    hub.add("datasets", "someone/nonsense", {"README.md": b"# Nonsense", "train.jsonl": b"{nonsense\n"})
    assert told in client.error("rows", dataset=dataset)


@pytest.mark.parametrize(("name", "missing"), [("someone/two-prompts", "one"), ("someone/test-prompts", "train")])
def test_prompts_of_which_a_part_must_be_chosen(hub, client, tmp_path, name, missing):
    """No key takes it, and a mapping in `dataset` would train on them; the file itself can be named."""
    files = contents.ifeval()
    card = (TWO if "two" in name else TEST).replace("data/train-*", "ifeval_input_data.jsonl")
    hub.add("datasets", name, files | {"README.md": card.encode()})
    told = client.error("prompts", ifeval={"prompts": name})
    assert missing in told
    assert told.endswith(
        f"; download the one to read, as with `hf download {name} --repo-type dataset --local-dir data/own`, and name "
        "the file in 'ifeval.prompts'"
    )
    (tmp_path / "prompts.jsonl").write_bytes(files["ifeval_input_data.jsonl"])
    assert len(evaluation_prompts.read(str(tmp_path / "prompts.jsonl"))) == 2


def test_configuration_and_split_are_chosen(hub, client):
    hub.add("datasets", "someone/chosen", contents.alpaca() | {"README.md": TWO.encode()})
    chosen = {"name": "someone/chosen", "config": "two", "split": "test[:7]"}
    assert client.load("rows", dataset=chosen)["rows"] == 7
    assert client.load("rows", dataset=[chosen | {"split": "test", "weight": 2}])["rows"] == 40
