"""Our attention and its products give what torch's own give, and a sequence the same whatever its batch."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tuning.generation.continuous import kernels
from tuning.generation.continuous.attention import grouped_attention
from tuning.generation.kv_cache import LENGTHS as OF_DEVICES
from tuning.memory.tensor_bytes import TensorBytes

LENGTHS = OF_DEVICES["cpu"]
LOWEST = torch.finfo(torch.float32).min


@st.composite
def steps(draw):
    """Queries, buffers of keys and values that are longer than what is read, and a mask of one span a sequence."""
    torch.manual_seed(draw(st.integers(0, 999)))
    batch, groups, rows = (draw(st.integers(1, 5)) for _ in range(3))
    size, length = draw(st.sampled_from([1, 3, 8, 64])), LENGTHS * draw(st.integers(1, 4))
    query = torch.randn(batch, groups * rows, 1, size)
    keys, values = (torch.randn(batch + 1, groups, length + draw(st.integers(0, 9)), size) for _ in range(2))
    mask = torch.full((batch, 1, 1, length), LOWEST)
    for line in mask:
        end = draw(st.integers(1, length))
        line[..., draw(st.integers(0, end - 1)) : end] = 0
    return query, keys[:batch, :, :length], values[:batch, :, :length], mask


def reference(query, keys, values, mask, softcap):
    """In float64, with the key-value heads repeated."""
    query, keys, values = (tensor.double() for tensor in (query, keys, values))
    repeats = query.shape[1] // keys.shape[1]
    scores = query @ keys.repeat_interleave(repeats, 1).transpose(2, 3) * query.shape[-1] ** -0.5
    if softcap:
        scores = softcap * torch.tanh(scores / softcap)
    weights = torch.softmax(scores.masked_fill(mask < 0, -torch.inf), dim=-1)
    return (weights @ values.repeat_interleave(repeats, 1)).transpose(1, 2)


def test_no_scores_are_kept_of_a_prompt_however_its_heads_lie():
    length, size = 300, 16
    query, keys, values = (torch.randn(heads * size, 2 * length).view(heads, size, 2, length) for heads in (6, 2, 2))
    lying = [tensor.permute(2, 0, 3, 1) for tensor in (query, keys, values)]
    mask = torch.full((length, length), LOWEST).triu(1)[None, None]
    with torch.no_grad(), TensorBytes() as counter:
        output, _ = grouped_attention(None, *lying, mask)
    assert counter.peak < 2 * 6 * length * length * 4 / 3  # bytes, of all scores of two prompts
    assert torch.allclose(output.double(), reference(*lying, mask, None), atol=1e-5)


@settings(max_examples=80, deadline=None)
@given(steps(), st.sampled_from([None, 5.0]))
def test_a_step_of_attention_is_that_of_the_definition(step, softcap):
    found, _ = grouped_attention(None, *step, softcap=softcap)
    torch.testing.assert_close(found.double(), reference(*step, softcap), atol=1e-5, rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(steps())
def test_without_compiled_loops_it_is_the_same(step):
    with_loops, _ = grouped_attention(None, *step)
    runs, kernels.RUNS = kernels.RUNS, False
    try:
        without, _ = grouped_attention(None, *step)
    finally:
        kernels.RUNS = runs
    torch.testing.assert_close(with_loops, without, atol=1e-5, rtol=1e-4)


@settings(max_examples=40, deadline=None)
@given(steps())
def test_a_sequence_gets_the_same_bits_alone(step):
    query, keys, values, mask = step
    together, _ = grouped_attention(None, *step)
    for index in range(len(query)):
        seen = -(-(int((mask[index] == 0).nonzero().max()) + 1) // LENGTHS) * LENGTHS  # as if it were the longest
        one = slice(index, index + 1)
        alone, _ = grouped_attention(
            None, query[one], keys[one, :, :seen], values[one, :, :seen], mask[one, :, :, :seen]
        )
        assert torch.equal(alone[0], together[index]) or not kernels.RUNS
