"""The tiny model and its tokenizer, loaded, and experiments with it."""

import pytest

from tests import architectures, tiny
from tests.stages.estimates import changed


@pytest.fixture(scope="module")
def tokenizer(tiny_tokenizer):
    tiny_tokenizer.pad_token = "<|endoftext|>"
    return tiny_tokenizer


@pytest.fixture(scope="module")
def model(tiny_model):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_model)


@pytest.fixture
def params(tiny_model):
    return tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")


@pytest.fixture
def recurrent(tmp_path):
    """The memory of a model whose layers go through a row token by token."""
    from stages.lib import memory

    folder = architectures.save("recurrent_gemma", tmp_path / "model")
    values = changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), "lora", gradient_checkpointing=False)
    return memory.Model(values, "cpu")
