"""Where memory or the model's context does not suffice, or the model computes no numbers."""

import copy
import math
import re

import pytest
import torch

from tests.tuning.answers import answers
from tuning.core.errors import UserError
from tuning.generation import decoding, kv_cache
from tuning.generation.continuous import batching, supported_models


@pytest.mark.parametrize("path", ["continuous", "generate"])
def test_when_memory_runs_out_the_batch_is_halved(model, tokenizer, monkeypatch, path):
    expected = answers(model, tokenizer, 8)
    forward, logits = type(model).forward, batching.Batch.logits

    def limited(self, input_ids=None, **options):
        if len(input_ids) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, input_ids=input_ids, **options)

    def limited_logits(self):
        if len(self.sequences) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return logits(self)

    if path == "generate":
        monkeypatch.setattr(supported_models, "why_not", lambda *arguments: "for this test")
        monkeypatch.setattr(type(model), "forward", limited)
    else:
        monkeypatch.setattr(batching.Batch, "logits", limited_logits)
    said = []
    assert answers(model, tokenizer, 12, said=said) == expected
    halved = [text for text in said if "memory ran out" in text]
    assert [re.search(r"with (\d+) prompts", text).group(1) for text in halved] == ["6", "3"]


def test_memory_that_does_not_suffice_for_one_prompt(model, tokenizer, monkeypatch):
    def none_left(self):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(supported_models, "why_not", lambda *arguments: None)
    monkeypatch.setattr(batching.Batch, "logits", none_left)
    with pytest.raises(UserError, match="one prompt at a time.*max_new_tokens"):
        answers(model, tokenizer, 4)


def test_a_prompt_longer_than_the_context_is_answered_with_what_fits(model, tokenizer):
    """The tiny model reads 512 tokens."""
    long = list(range(5, 700))
    said = []
    found = answers(model, tokenizer, 2, [long, [5, 6, 7]], said=said, max_new_tokens=200)
    cut = long[:192] + long[-192:]
    assert found[0] == answers(model, tokenizer, 2, [cut], max_new_tokens=128)[0]
    assert found[1] == answers(model, tokenizer, 2, [[5, 6, 7]], max_new_tokens=200)[0]
    assert said[0].startswith("prompt 1 has 695 tokens, and the model's context is 512: 311 tokens")
    assert said[1].startswith("1 prompts get fewer than 200 new tokens")


def test_a_prompt_that_leaves_some_room_keeps_all_its_tokens():
    said = []
    assert decoding.fit([[1] * 384, [2] * 385, [3] * 10], 200, 512, said.append) == [
        ([1] * 384, 128),
        ([2] * 384, 128),
        ([3] * 10, 200),
    ]
    assert len(said) == 2


def test_as_many_prompts_at_once_as_fit(model):
    each = 2 * 2 * 2 * 8 * 100 * 4 + 12 * model.config.vocab_size  # 2 layers, 2 heads of 8, 100 tokens, float32
    assert kv_cache.batch_size(model, 100, free=int(each * 10 / kv_cache.SHARE) + 1) == 10
    assert kv_cache.batch_size(model, 100, free=0) == 1
    assert kv_cache.batch_size(model, 100, free=1 << 50) == kv_cache.MOST["cpu"]


@pytest.mark.parametrize("place", ["lm_head", "model.layers.1.mlp.down_proj"])
def test_a_model_that_computes_no_numbers_gives_no_answers(model, tokenizer, place):
    """Of such logits the likeliest token is always the first, so that each answer would be a row of them."""
    broken = copy.deepcopy(model)
    broken.get_submodule(place).weight.data[0] = math.nan
    with pytest.raises(UserError, match=r"logits are NaN.*'model_config.dtype' float32"):
        answers(broken, tokenizer, 4)


@pytest.mark.parametrize(("key", "number"), [("temperature", 1), ("temperature", 2), ("repetition_penalty", 2)])
def test_whole_numbers_are_taken_where_transformers_wants_fractions(model, tokenizer, key, number):
    whole = answers(model, tokenizer, 4, do_sample=True, **{key: number})
    assert whole == answers(model, tokenizer, 4, do_sample=True, **{key: float(number)})
