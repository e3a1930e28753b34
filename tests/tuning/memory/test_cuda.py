"""What a step on CUDA holds that one on the CPU does not: float32 under autocast, and an optimizer's copies."""

from contextlib import nullcontext

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from tests import tiny, tiny_architectures
from tests.tuning.estimates import changed, estimator
from tuning.memory import activations, cuda_autocast, simulated_step
from tuning.memory.cuda_autocast import more_in_float32
from tuning.memory.optimizer_states import whole_copies


def update(params, device, **train):
    """The update of nine layers, counted with all of them and extrapolated; and the bytes of each weight."""
    model = estimator(changed(params, "full", **train), device)
    model.config.num_hidden_layers = 9
    counted = simulated_step.training_step(model.run, 0, (2, 16))["update"]
    [found] = activations.phases(model.run, [(2, 16)])
    assert found["update"].layers == pytest.approx(counted.layers)
    whole = model.trained.optimizer // 2
    return counted.layers / whole


@pytest.mark.parametrize("checkpointing", [False, True])
def test_adam_on_cuda_copies_all_that_is_trained(params, checkpointing):
    assert update(params, "cuda", gradient_checkpointing=checkpointing) == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(("device", "optim"), [("cpu", "adamw_torch"), ("cuda", "adamw_torch_fused")])
def test_elsewhere_one_weight_is_updated_after_another(params, device, optim):
    assert update(params, device, optim=optim, gradient_checkpointing=False) < 0.7


def test_an_adapter_beside_quantized_weights_is_copied_in_bfloat16(params):
    model = estimator(changed(params, "4-bit", gradient_checkpointing=False), "cuda")
    [found] = activations.phases(model.run, [(2, 16)])
    assert found["update"].layers == model.trained.adapter


@pytest.mark.parametrize(
    ("optim", "without", "with_decay"),
    [("adamw_torch", 1, 1), ("rmsprop", 1, 2), ("adagrad", 2, 2), ("sgd", 0, 1), ("adafactor", 0, 0)],
)
def test_copies_are_those_of_torchs_own_code(optim, without, with_decay):
    assert (whole_copies(optim, 0.0), whole_copies(optim, 0.1)) == (without, with_decay)


def test_cudas_autocast_computes_more_in_float32():
    halves = torch.ones(2, 8, dtype=torch.bfloat16)
    norm, weights = torch.nn.LayerNorm(8, dtype=torch.bfloat16), torch.ones(8, 8)
    powers = [lambda x: x**3, lambda x: 2.0**x, lambda x: torch.pow(x, 3.0), lambda x: torch.rsqrt(x)]
    ways = [norm, *powers, lambda x: x.exp(), lambda x: x.softmax(-1), lambda x: torch.nn.functional.softplus(x)]
    with torch.autocast("cpu", torch.bfloat16):
        assert {way(halves).dtype for way in ways} == {torch.bfloat16}
        with more_in_float32():
            assert {way(halves).dtype for way in ways} == {torch.float32}
            assert (halves.float() @ weights).dtype == torch.bfloat16
            assert (halves + halves).dtype == torch.bfloat16
            with torch.autocast("cpu", enabled=False):
                assert torch.exp(halves).dtype == torch.bfloat16
        assert {way(halves).dtype for way in ways} == {torch.bfloat16}


def test_what_checkpointing_computes_again_is_in_float32_too():
    halves, seen = torch.ones(2, 8, dtype=torch.bfloat16, requires_grad=True), []

    def layer(states):
        seen.append((states**3).dtype)
        return (states**3).sum()

    with torch.autocast("cpu", torch.bfloat16), more_in_float32():
        checkpoint(layer, halves, use_reentrant=False).backward()
    assert seen == 2 * [torch.float32]


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gelu_and_layer_norms_take_more_on_cuda(checkpointing, tmp_path, monkeypatch):
    folder = tiny_architectures.save("phi", tmp_path / "model")
    values = changed(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"), "lora")
    values["train"].update(bf16=True, gradient_checkpointing=checkpointing)
    values["model_config"]["dtype"] = "float16"
    run = estimator(values, "cuda").run

    def held():
        return max(phase.layers for phase in next(activations.phases(run, [(4, 64)])).values())

    there = held()
    monkeypatch.setattr(cuda_autocast, "more_in_float32", nullcontext)
    here = held()
    assert there > 1.1 * here
