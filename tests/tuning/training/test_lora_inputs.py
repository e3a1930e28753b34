"""What LoRA reads is not cast while training runs in mixed precision, and is cast again afterwards."""

import pytest
import torch
from datasets import Dataset
from peft.tuners.lora import LoraLayer
from transformers import TrainerCallback

from tests import loading
from tests.tuning.estimates import changed
from tuning.model.adapted_layers import cast_inputs
from tuning.training.lora_inputs import UncastInputs

ROWS = Dataset.from_list([{"input_ids": [5 + row, 6, 7, 8], "labels": [-100, 6, 7, 8]} for row in range(8)])


class Seen(TrainerCallback):
    """Notes in each step whether layers cast."""

    def __init__(self):
        self.casts = []

    def on_step_begin(self, args, state, control, model=None, **kwargs):
        self.casts.append(casts(model))


def casts(model) -> set[bool]:
    return {layer.cast_input_dtype_enabled for layer in model.modules() if isinstance(layer, LoraLayer)}


def trained(values, tokenizer, folder, cast: bool):
    """The trainer after its steps; and what was cast in them."""
    torch.manual_seed(0)
    trainer, seen = loading.trainer(values, tokenizer, ROWS, folder), Seen()
    if cast:
        trainer.remove_callback(UncastInputs)
    trainer.add_callback(seen)
    trainer.train()
    return trainer, set().union(*seen.casts)


@pytest.fixture
def values(params):
    more = {"bf16": True, "max_steps": 4, "logging_steps": 1, "learning_rate": 1e-2}
    return changed(params, "lora", gradient_checkpointing=False, per_device_train_batch_size=2, **more)


def test_losses_are_the_same_numbers_and_the_trained_model_answers(values, tokenizer, tmp_path):
    found = []
    for cast in (False, True):
        trainer, seen = trained(values, tokenizer, tmp_path / str(cast), cast)
        assert seen == {cast}
        assert casts(trainer.model) == {True}
        logits = trainer.model(input_ids=torch.tensor([[5, 6, 7]])).logits  # outside autocast
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        found.append((losses, logits))
    assert len(found[0][0]) == 4
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])


def test_steps_in_float32_are_left_alone(values, tokenizer, tmp_path):
    values["train"]["bf16"] = False
    _, seen = trained(values, tokenizer, tmp_path, cast=False)
    assert seen == {True}


@pytest.mark.parametrize("change", [{"lora_dropout": 0.1}, {"use_dora": True}])
def test_what_computes_with_the_input_itself_gets_it_in_float32(values, change):
    values["lora"].update(change)
    model = loading.adapted(values)
    cast_inputs(model, False)
    assert casts(model) == {True}
