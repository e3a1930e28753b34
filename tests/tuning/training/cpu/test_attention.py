"""Attention with probabilities computed again, against torch's own."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from tests import loading, tiny, tiny_architectures
from tests.tuning.estimates import changed
from tuning.training.cpu.attention import ATTENTION, recompute_attention, recomputed_attention

CAUSAL = SimpleNamespace(is_causal=True, num_key_value_groups=1)


def tensors(batch, groups, each, tokens, size):
    torch.manual_seed(0)
    shapes = [(batch, groups * each), (batch, groups), (batch, groups)]
    return [torch.randn(*shape, tokens, size, dtype=torch.float64, requires_grad=True) for shape in shapes]


def gradients(output, given):
    torch.manual_seed(1)
    return torch.autograd.grad((output * torch.randn_like(output)).sum(), given)


@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 3),
    groups=st.integers(1, 3),
    each=st.integers(1, 3),
    tokens=st.integers(1, 9),
    padded=st.integers(0, 4),
    scaling=st.none() | st.floats(0.1, 2),
)
def test_output_and_gradients_are_torchs(batch, groups, each, tokens, padded, scaling):
    given_tensors = tensors(batch, groups, each, tokens, 4)
    query, key, value = given_tensors
    allowed = torch.ones(tokens, tokens, dtype=torch.bool).tril().repeat(batch, 1, 1, 1)
    allowed[0, :, :, max(1, tokens - padded) :] = False
    expected = scaled_dot_product_attention(query, key, value, allowed, scale=scaling, enable_gqa=True)
    found, weights = recomputed_attention(CAUSAL, query, key, value, allowed, scaling=scaling)
    assert weights is None
    torch.testing.assert_close(found.transpose(1, 2), expected)
    for one, other in zip(
        gradients(found.transpose(1, 2), given_tensors), gradients(expected, given_tensors), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_without_a_mask_it_is_causal():
    query, key, value = tensors(2, 2, 2, 6, 4)
    found, _ = recomputed_attention(CAUSAL, query, key, value, None)
    expected = scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(found.transpose(1, 2), expected)


def test_a_row_that_may_see_nothing_is_finite():
    given_tensors = tensors(1, 1, 1, 3, 4)
    found, _ = recomputed_attention(CAUSAL, *given_tensors, torch.zeros(1, 1, 3, 3, dtype=torch.bool))
    assert all(torch.isfinite(each).all() for each in (found, *gradients(found, given_tensors)))


@pytest.mark.parametrize("options", [{"dropout": 1.0}, {"is_causal": False}])
def test_what_it_does_not_know_is_torchs_own(options):
    query, key, value = tensors(1, 2, 1, 5, 4)
    found, _ = recomputed_attention(SimpleNamespace(is_causal=True), query, key, value, None, **options)
    plain = scaled_dot_product_attention(query, key, value, dropout_p=options.get("dropout", 0.0))
    if "dropout" in options:
        assert torch.equal(found, torch.zeros_like(found))
    else:
        torch.testing.assert_close(found.transpose(1, 2), plain)


@pytest.mark.parametrize("architecture", tiny_architectures.ARCHITECTURES)
def test_models_compute_the_same_with_it(architecture, tmp_path):
    folder = tiny_architectures.save(architecture, tmp_path / "model")
    model = loading.base(changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), "lora"))
    ids = torch.arange(5, 65).view(2, 30)
    mask = torch.ones_like(ids)
    mask[0, 20:] = 0
    before = model(input_ids=ids, attention_mask=mask).logits
    own = model.config._attn_implementation
    recompute_attention(model)
    assert model.config._attn_implementation == (ATTENTION if own == "sdpa" else own)
    after = model(input_ids=ids, attention_mask=mask).logits
    seen = mask.bool()
    torch.testing.assert_close(after[seen], before[seen], rtol=1e-4, atol=1e-4)


def test_a_sliding_window_is_kept(tmp_path):
    folder = tiny_architectures.save("mistral", tmp_path / "model")
    model = loading.base(changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), "lora"))
    ids, found = torch.arange(5, 35).view(1, 30), {}
    for window in (None, 4):
        model.config.sliding_window = window
        before = model(input_ids=ids).logits
        recompute_attention(model)
        found[window] = model(input_ids=ids).logits
        torch.testing.assert_close(found[window], before, rtol=1e-4, atol=1e-4)
        model.set_attn_implementation("sdpa")
    assert not torch.allclose(found[None], found[4])
