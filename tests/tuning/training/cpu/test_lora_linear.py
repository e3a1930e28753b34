"""A linear layer and its LoRA in one step give PEFT's own numbers, and other kinds of layers are left alone."""

import copy
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import LoraConfig, inject_adapter_in_model

from tuning.training.cpu.lora_linear import join_lora


class Layers(torch.nn.Module):
    def __init__(self, sizes, bias):
        super().__init__()
        self.inner = torch.nn.ModuleList(torch.nn.Linear(*pair, bias=bias) for pair in itertools.pairwise(sizes))

    def forward(self, x):
        for layer in self.inner:
            x = torch.tanh(layer(x))
        return x


def with_lora(sizes=(6, 9, 5), bias=True, dtype=torch.float64, **options):
    torch.manual_seed(0)
    model = Layers(sizes, bias).to(dtype).requires_grad_(False)
    config = LoraConfig(target_modules=["inner.0", "inner.1"], **{"r": 3, "lora_alpha": 12, **options})
    model = inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn_like(parameter, dtype=dtype)
    return model


def results(model, x, autocast=False):
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        output = model(x)
    output.float().square().sum().backward()
    trained = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    return [output, x.grad, *trained]


def replaced(model) -> list[bool]:
    return ["forward" in vars(layer) for layer in model.inner]


@settings(max_examples=25, deadline=None)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    rank=st.integers(1, 4),
    alpha=st.integers(1, 9),
    bias=st.booleans(),
)
def test_output_and_gradients_are_those_of_peft(shape, rank, alpha, bias):
    own = with_lora(bias=bias, r=rank, lora_alpha=alpha)
    joined = copy.deepcopy(own)
    join_lora(joined)
    assert replaced(joined) == [True, True]
    x = torch.randn(*shape, 6, dtype=torch.float64)
    for expected, found in zip(results(own, x), results(joined, x), strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("weights", [torch.float32, torch.bfloat16])
def test_under_autocast_they_are_as_near_to_the_truth_as_pefts(weights):
    own = with_lora((64, 96, 64), dtype=torch.float32)
    for layer in own.inner:
        layer.base_layer.to(weights)
    joined, exact = copy.deepcopy(own), copy.deepcopy(own).double()
    join_lora(joined)
    x = torch.randn(7, 64)
    truth = results(exact, x.double())
    for true, expected, found in zip(truth, results(own, x, True), results(joined, x, True), strict=True):
        assert found.dtype == expected.dtype
        assert error(found, true) < 1.5 * error(expected, true) + 1e-3


def error(found, true) -> float:
    return float((found - true).norm() / true.norm())


def test_a_layer_whose_input_needs_no_gradient_trains_its_lora():
    own = with_lora()
    joined = copy.deepcopy(own)
    join_lora(joined)
    x = torch.randn(4, 6, dtype=torch.float64)
    for model in (own, joined):
        model(x).sum().backward()
    grads = [[p.grad for p in model.parameters() if p.requires_grad] for model in (own, joined)]
    for expected, found in zip(*grads, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "options", [{"lora_dropout": 0.1}, {"use_dora": True}, {"lora_bias": True}, {"fan_in_fan_out": True}]
)
def test_other_kinds_of_lora_are_left_as_they_are(options):
    model = with_lora((6, 6, 6), dtype=torch.float32, **options)
    join_lora(model)
    expected = [True, True] if "fan_in_fan_out" in options and not model.inner[0].fan_in_fan_out else [False, False]
    assert replaced(model) == expected


def test_an_adapter_that_is_switched_off_adds_nothing():
    model = with_lora()
    join_lora(model)
    x = torch.randn(2, 6, dtype=torch.float64)
    for layer in model.inner:
        layer.enable_adapters(False)
    plain = torch.tanh(model.inner[1].base_layer(torch.tanh(model.inner[0].base_layer(x))))
    torch.testing.assert_close(model(x), plain)


def test_halves_outside_autocast_are_computed_as_peft_does():
    model = with_lora(dtype=torch.float32)
    for layer in model.inner:
        layer.base_layer.bfloat16()
    own = copy.deepcopy(model)
    join_lora(model)
    x = torch.randn(3, 6).bfloat16()
    assert torch.equal(model(x), own(x))
