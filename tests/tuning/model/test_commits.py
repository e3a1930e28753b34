"""What unfinished work and kept answers of a model depend on."""

import shutil

from tests import odd_checkpoints, tiny
from tuning.model.commits import revisions


def test_a_local_model_that_was_replaced_is_another_one(tmp_path):
    model = odd_checkpoints.save(tmp_path / "model")
    params = tiny.checked(tiny.params(str(model), "rows.jsonl", "prompts.jsonl"))
    first = revisions(params)
    shutil.copytree(model, tmp_path / "copy")
    shutil.rmtree(model)
    shutil.copytree(tmp_path / "copy", model)
    assert revisions(params) == first  # the same bytes
    weights = model / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-4] + bytes(4))
    assert revisions(params) != first


def test_a_tokenizer_of_another_folder_counts_too(tmp_path, tiny_model):
    words = odd_checkpoints.save(tmp_path / "words")
    params = tiny.checked(tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl") | {"tokenizer": str(words)})
    first = revisions(params)
    (words / "tokenizer_config.json").write_text("{}")
    assert revisions(params) != first
