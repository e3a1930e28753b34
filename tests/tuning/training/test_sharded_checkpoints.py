"""A checkpoint is whole by whatever name its optimizer's states have."""

import json

import pytest
import torch
from safetensors.torch import save_file

from tuning.training.checkpoints import TRAINED, problem


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint of one process without the optimizer's states."""
    (tmp_path / "trainer_state.json").write_text(json.dumps({"max_steps": 10, "global_step": 4}))
    for name in (TRAINED, "adapter_model.safetensors"):
        save_file({"weight": torch.ones(2)}, tmp_path / name)
    for name in ("scheduler.pt", "rng_state.pth", "progress_0.pt"):
        torch.save({}, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", ["optimizer.pt", "optimizer.bin"])
def test_states_of_one_process_and_of_fsdp(checkpoint, name):
    torch.save({}, checkpoint / name)
    assert problem(checkpoint) is None
    (checkpoint / name).write_bytes(b"PK")
    assert problem(checkpoint)


def test_states_of_deepspeed(checkpoint):
    (checkpoint / "latest").write_text("global_step4")
    assert problem(checkpoint) is None


def test_no_states(checkpoint):
    assert problem(checkpoint) == "optimizer.pt is missing"
