"""How long the batches of training are."""

import pytest
from datasets import Dataset

from tests import loading, tiny


@pytest.mark.parametrize(
    ("train", "dtype", "padded"),
    [
        ({"bf16": False}, "float32", 13),
        ({"bf16": True}, "float32", 16),
        ({"bf16": False}, "bfloat16", 16),
        ({"bf16": True, "pad_to_multiple_of": 5}, "float32", 15),
    ],
)
def test_batches_in_bfloat16_have_lengths_of_a_multiple_on_a_cpu(
    train, dtype, padded, tiny_model, tokenizer, tmp_path, monkeypatch
):
    monkeypatch.setattr("tuning.training.trainer.device", lambda: "cpu")
    monkeypatch.setattr("tuning.model.model_spec.device", lambda: "cpu")
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    values["model_config"]["dtype"] = dtype
    values["train"].update(train, per_device_train_batch_size=2)
    rows = Dataset.from_list([{"input_ids": [5] * length, "labels": [5] * length} for length in (9, 13)])
    trainer = loading.trainer(values, tokenizer, rows, tmp_path)
    assert [batch["input_ids"].shape[1] for batch in trainer.get_train_dataloader()] == [padded]
