"""Layers that read the keys and values of others fill no buffers of their own."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.tuning import unlike_layers
from tests.tuning.answers import answers, one_at_a_time


@pytest.mark.parametrize("config", [unlike_layers.gemma3n, lambda: unlike_layers.gemma4(num_kv_shared_layers=2)])
def test_answers_of_different_lengths_are_those_of_one_at_a_time(tokenizer, config):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config()).eval()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    said = []
    found = answers(model, tokenizer, 3, said=said, stop_strings=["e", "a", "."])
    assert found == one_at_a_time(model, tokenizer, stop_strings=["e", "a", "."])
    assert said == []
    assert len({response.new_tokens for response in found.values()}) > 1
