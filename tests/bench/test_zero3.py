"""ZeRO-3 divides the weights and gathers them again, on a CPU; skipped where DeepSpeed is not installed."""

import importlib.util

import pytest

from bench.gpu import sharding, small
from tuning.model.adapters import save_adapter

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="deepspeed is not installed"),
]


def test_what_zero3_gathers_is_what_training_without_it_gives(tmp_path, monkeypatch):
    monkeypatch.setenv("DS_ACCELERATOR", "cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    model = small.save_model(tmp_path / "model")
    alone = small.experiment(model, tmp_path / "alone", **small.EXACT)
    trainer = alone.train()
    save_adapter(trainer.model, tmp_path / "alone/adapter", alone.run.model, alone.run.adapter)
    found = sharding.launched("zero3", model, tmp_path, seconds=3600)
    assert "failed" not in found, found
    assert (found["distributed_type"], found["gathered"], found["same_matrices"]) == ("DEEPSPEED", True, True)
    assert found["losses"] == pytest.approx(small.losses(trainer), abs=1e-4)
    assert found["largest_difference"] < 1e-3
