"""What an operation of a training step is counted as."""

import pytest

from bench.train_profile import dimensions, kind

VOCABULARY, RANK = 49152, 16
CASES = [
    ("aten::mm", [[660, 576], [576, 1536]], "linear layers: products"),
    ("aten::mm", [[660, 576], [576, 16]], "LoRA: products"),
    ("aten::mm", [[320, 576], [576, 49152]], "head: products"),
    ("aten::_log_softmax", [[320, 49152], [], []], "head: softmax, loss, casts"),
    ("aten::bmm", [[12, 480, 64], [12, 64, 160]], "attention"),
    ("aten::copy_", [[4, 165, 576], [4, 165, 576], []], "copies and casts"),
    ("aten::mul_", [[4, 165, 1536], [4, 165, 1536]], "by element: norms, rotary embedding, gates, residuals"),
    ("aten::_foreach_mul_", [[[16, 576], [576, 16]], []], "optimizer and clipping"),
    ("aten::linalg_vector_norm", [[16, 576], [], [], [], []], "optimizer and clipping"),
    ("aten::embedding", [[1, 576], [4, 165]], "the rest of torch"),
]


@pytest.mark.parametrize(("name", "shapes", "expected"), CASES)
def test_operations_are_told_apart(name, shapes, expected):
    assert kind(name, dimensions(shapes), (VOCABULARY, RANK)) == expected
