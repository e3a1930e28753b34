"""TF32 and attention on a GPU, which is a pretended one."""

from types import SimpleNamespace

import bitsandbytes  # noqa: F401 - before a GPU is pretended, for whose functions it would look in torch
import pytest
import torch
from datasets import Dataset

from stages.estimate import run_on
from tests import loading
from tests.tiny import checked
from tuning.generation import decoding
from tuning.memory import preflight
from tuning.model.adapters import adapter_spec
from tuning.model.device import has_tf32, leave_out_cudnn_attention, products_in_tf32
from tuning.model.model_spec import model_spec
from tuning.training import settings, trainer


@pytest.fixture
def gpu(monkeypatch):
    """Pretends that there is a GPU of this compute capability."""

    def pretend(major: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(major=major))
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or major >= 8
        )
        monkeypatch.setattr(torch.version, "cuda", "13.0")

    return pretend


@pytest.mark.parametrize(("major", "there"), [(7, False), (8, True), (9, True)])
def test_a_gpu_has_it_from_ampere_on(gpu, major, there):
    assert not has_tf32()
    gpu(major)
    assert has_tf32() == there


def test_products_are_in_it_inside_the_block_only(gpu):
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    with products_in_tf32():
        assert products.fp32_precision == before  # no device has it
    gpu(9)
    with products_in_tf32():
        assert products.fp32_precision == "tf32"
        with products_in_tf32(wanted=False):
            assert products.fp32_precision == "ieee"
        assert products.fp32_precision == "tf32"
    assert products.fp32_precision == before


@pytest.mark.parametrize(("major", "there"), [(7, False), (8, True)])
def test_bfloat16_that_a_gpu_only_emulates_is_not_taken(params, gpu, major, there):
    spec = model_spec(checked(params), on="cuda")
    gpu(major)
    assert settings.computes_in_bfloat16(spec) == there


@pytest.fixture
def cudnn():
    """Whether torch may take cuDNN's attention, which it may at the start."""
    backends = torch.backends.cuda
    before = backends.cudnn_sdp_enabled()
    backends.enable_cudnn_sdp(True)
    yield backends.cudnn_sdp_enabled
    backends.enable_cudnn_sdp(before)


def test_attention_by_cudnn_is_left_out_on_a_gpu_alone(gpu, cudnn):
    leave_out_cudnn_attention()
    assert cudnn()
    gpu(9)
    leave_out_cudnn_attention()
    assert not cudnn()


def test_answers_are_computed_without_attention_by_cudnn(model, tokenizer, gpu, cudnn):
    config = decoding.generation_config(model, tokenizer, {"max_new_tokens": 2, "min_new_tokens": 2})
    gpu(9)
    list(decoding.generate(model, tokenizer, [[5, 6, 7]], decoding.Decoding(config, 1, 0)))
    assert not cudnn()


def test_training_is_without_attention_by_cudnn(params, tokenizer, tmp_path, monkeypatch):
    left_out = []
    monkeypatch.setattr(trainer, "leave_out_cudnn_attention", lambda: left_out.append(True))
    rows = Dataset.from_list([{"input_ids": [5, 6, 7], "labels": [-100, 6, 7]}])
    loading.trainer(params, tokenizer, rows, tmp_path)
    assert left_out


@pytest.mark.parametrize("wanted", [True, False])
def test_answers_are_computed_in_it_unless_that_is_not_wanted(model, tokenizer, gpu, wanted):
    config = decoding.generation_config(model, tokenizer, {"max_new_tokens": 2, "min_new_tokens": 2})
    precisions = []
    handle = model.lm_head.register_forward_hook(
        lambda *_: precisions.append(torch.backends.cuda.matmul.fp32_precision)
    )
    gpu(9)
    list(decoding.generate(model, tokenizer, [[5, 6, 7]], decoding.Decoding(config, 1, 0, tf32=wanted)))
    handle.remove()
    assert precisions[-1] == ("tf32" if wanted else "ieee")  # the first were trials


@pytest.mark.parametrize(("given", "found"), [({}, True), ({"tf32": "auto"}, True), ({"tf32": False}, False)])
def test_training_uses_it_unless_told_otherwise(params, gpu, given, found):
    params["train"].update(given)
    read = checked(params)
    adapter, spec = adapter_spec(read), model_spec(read, on="cuda")
    assert settings.resolved(read.train.arguments, 4, spec, adapter)["tf32"] is False
    gpu(9)
    assert settings.resolved(read.train.arguments, 4, spec, adapter)["tf32"] is found
    assert ("tf32" in settings.automatic(read.train)) == (given != {"tf32": False})


def test_the_line_before_training_says_so(params, gpu, monkeypatch, capsys):
    read = checked(params)
    run = run_on(read, None)
    gpu(9)
    automatic = settings.automatic(read.train)
    monkeypatch.undo()
    preflight.plan_training(run.with_training(tf32=True), [10] * 9, automatic, strict=True)
    assert "tf32 true" in capsys.readouterr().out
    assert "tf32" not in settings.automatic(read.train)  # without such a device it is not a question
