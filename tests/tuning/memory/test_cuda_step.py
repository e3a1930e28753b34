"""A training step on CUDA on tensors without data: no GPU is needed to see their devices and dtypes.

torch without CUDA computes forward on such tensors, by CUDA's own rules of mixed precision, but neither backward nor
fused attention. So forward is looked at on CUDA with attention in single steps, and gradients on the CPU.
"""

from collections import Counter
from dataclasses import dataclass, field

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests import tiny, tiny_architectures
from tests.tiny import checked
from tests.tuning.estimates import changed
from tuning.generation.continuous.attention import grouped_attention
from tuning.memory import fake_model
from tuning.memory.run import Run
from tuning.model.adapters import adapter_spec
from tuning.model.model_spec import model_spec
from tuning.training.trainer import training_config

CUDA, HALF = torch.device("cuda:0"), torch.bfloat16
PRODUCTS = ("mm", "bmm", "addmm", "baddbmm")


@dataclass
class Made:
    """What the operations of a forward pass made: devices, and dtypes of matrix products and of softmax; the loss."""

    devices: set[str] = field(default_factory=set)
    products: Counter = field(default_factory=Counter)
    softmax: set[torch.dtype] = field(default_factory=set)
    loss: torch.Tensor | None = None


class Watch(TorchDispatchMode):
    """Notes devices and dtypes of what operations make."""

    def __init__(self, made: Made):
        super().__init__()
        self.made = made

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function.__name__.split(".")[0]
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor) and leaf.ndim:
                self.made.devices.add(str(leaf.device))
                if name in PRODUCTS:
                    self.made.products[leaf.dtype] += 1
                if name == "_softmax":
                    self.made.softmax.add(leaf.dtype)
        return result


def run_on_cuda(values: dict) -> Run:
    """The run as a machine with a GPU would have it."""
    params = checked(values)
    spec, adapter = model_spec(params, on="cuda"), adapter_spec(params)
    return Run(spec, adapter, training_config(params, spec, adapter, tiny.ROOT / "unfinished"))


def forward_on_cuda(values: dict, monkeypatch) -> Made:
    """The forward pass of two rows of 16 tokens, in mixed precision where the values say so."""
    values["model_config"]["attn_implementation"] = "eager"
    run, made = run_on_cuda(values), Made()
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)
    with torch.device("meta"):
        model = fake_model.to_train(run)
    mixed = torch.autocast("cuda", getattr(torch, run.half or "bfloat16"), enabled=run.half is not None)
    with fake_model.fake_tensors(), torch.no_grad(), mixed, fake_model.tiles_in_place():
        fake_model.make_fake(model, "cuda:0")
        ids = torch.zeros(2, 16, dtype=torch.long, device=CUDA)
        with Watch(made):
            output = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids, fused_lm_head=True)
            made.loss = -output.log_probs.sum() / ids.numel()
    return made


@pytest.mark.parametrize("kind", ["lora", "4-bit", "prompt", "full"])
@pytest.mark.parametrize("weights", ["float32", "bfloat16"])
def test_products_are_in_bfloat16_and_the_loss_is_not(params, kind, weights, monkeypatch):
    values = changed(params, kind, gradient_checkpointing=False, bf16=True)
    values["quantization"]["bnb_4bit_compute_dtype"] = "bfloat16"
    values["model_config"]["dtype"] = weights
    made = forward_on_cuda(values, monkeypatch)
    assert made.devices == {"cuda:0"}
    assert set(made.products) == {HALF}
    assert made.products[HALF] > 10
    assert made.softmax == {torch.float32}
    assert made.loss.dtype == torch.float32


@pytest.mark.parametrize("architecture", tiny_architectures.ARCHITECTURES)
def test_each_architecture_computes_on_the_device_in_bfloat16(architecture, tmp_path, monkeypatch):
    folder = tiny_architectures.save(architecture, tmp_path / "model")
    values = tiny.params(str(folder), "rows.jsonl", "prompts.jsonl")
    made = forward_on_cuda(changed(values, "lora", gradient_checkpointing=False, bf16=True), monkeypatch)
    assert made.devices == {"cuda:0"}
    assert made.products[HALF] > 10


def test_without_mixed_precision_products_have_the_dtype_of_the_weights(params, monkeypatch):
    made = forward_on_cuda(changed(params, "lora", gradient_checkpointing=False), monkeypatch)
    assert set(made.products) == {torch.float32}


@pytest.mark.parametrize(
    ("kind", "weights", "dtype"),
    [
        ("lora", "bfloat16", torch.float32),
        ("prompt", "bfloat16", torch.float32),
        ("4-bit", "bfloat16", HALF),
        ("4-bit", "float32", HALF),
        ("full", "float32", torch.float32),
        ("full", "bfloat16", HALF),
    ],
)
def test_gradients_have_the_dtype_of_what_is_trained(params, kind, weights, dtype):
    values = changed(params, kind, gradient_checkpointing=False, bf16=True)
    values["model_config"]["dtype"] = weights
    with torch.device("meta"):
        model = fake_model.to_train(run_on_cuda(values))
    with fake_model.fake_tensors(), torch.autocast("cpu", HALF), fake_model.tiles_in_place():
        fake_model.make_fake(model)
        ids = torch.zeros(2, 16, dtype=torch.long)
        output = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=ids, fused_lm_head=True)
        (-output.log_probs.sum()).backward()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert {(parameter.dtype, parameter.grad.dtype) for parameter in trained} == {(dtype, dtype)}


@pytest.mark.parametrize("queries", [1, 5])
def test_attention_of_a_decoding_step_stays_on_the_device_and_in_its_dtype(queries):
    """With a cap of the scores, as Gemma 2 has it, which is computed in single steps."""
    with fake_model.fake_tensors():
        query = torch.empty(3, 4, queries, 8, dtype=HALF, device=CUDA)
        keys, values = (torch.empty(3, 2, 16, 8, dtype=HALF, device=CUDA) for _ in range(2))
        mask = torch.zeros(3, 1, queries, 16, dtype=HALF, device=CUDA)
        output, _ = grouped_attention(None, query, keys, values, mask, softcap=50.0)
        assert (output.dtype, output.device, tuple(output.shape)) == (HALF, CUDA, (3, queries, 4, 8))
