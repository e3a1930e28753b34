"""Packed weights give the products of the layers they stand for, and leave the model as it was."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tuning.generation.continuous.packed_weights import PackedLinear, packed_weights


class TiedModel(torch.nn.Module):
    """Embeddings, a layer with a bias, one without, and a head that shares the embeddings' weight."""

    def __init__(self):
        super().__init__()
        self.embeddings = torch.nn.Embedding(96, 48)
        self.up, self.down = torch.nn.Linear(48, 160), torch.nn.Linear(160, 48, bias=False)
        self.head = torch.nn.Linear(48, 96, bias=False)
        self.head.weight = self.embeddings.weight

    def forward(self, ids):
        return self.head(self.down(torch.relu(self.up(self.embeddings(ids)))))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TiedModel().requires_grad_(False)


def test_gives_the_same_logits_and_the_model_back(model):
    ids = torch.arange(24).view(8, 3)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    plain = model(ids)
    with packed_weights(model):
        assert type(model.up) is type(model.down) is type(model.head) is PackedLinear
        torch.testing.assert_close(model(ids), plain)
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert type(model.up) is torch.nn.Linear
    assert model.head.weight is model.embeddings.weight
    assert torch.equal(model(ids), plain)


def test_the_model_comes_back_after_a_failure(model):
    with pytest.raises(RuntimeError, match="memory"), packed_weights(model):
        raise RuntimeError("out of memory")
    assert type(model.down) is torch.nn.Linear
    assert model.down.weight.shape == (48, 160)


def test_a_weight_is_held_once_unless_it_is_shared(model):
    alone, shared = model.up.weight, model.head.weight
    with packed_weights(model):
        assert alone.numel() == 0
        assert shared.numel() == 96 * 48
        assert torch.equal(model.up.weight, model.up.packed.to_dense())  # for those who ask, such as DoRA


def test_layers_that_are_not_plain_stay_as_they_are(model):
    model.up.to(torch.bfloat16)
    model.down.forward = lambda states: states  # as a hook of accelerate puts itself before a layer
    with packed_weights(model):
        assert type(model.up) is type(model.down) is torch.nn.Linear


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([(64, 48), (576, 1536), (1536, 576)]), st.integers(2, 130), st.integers(0, 10**6))
def test_a_row_gets_the_same_numbers_whatever_stands_beside_it(shape, rows, seed):
    torch.manual_seed(seed)
    layer, states = torch.nn.Linear(shape[1], shape[0], bias=False).requires_grad_(False), torch.randn(130, shape[1])
    with packed_weights(layer):
        assert torch.equal(layer(states[:rows]), layer(states)[:rows])
