"""Models, adapters and what they need, on a tiny model."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests import loading, tiny
from tests.tuning.estimates import estimator
from tuning.core.errors import UserError
from tuning.core.files import fingerprint, new_folder, read_jsonl, write_jsonl
from tuning.model import adapters
from tuning.training import checkpoints


@pytest.mark.slow
def test_an_adapter_is_the_same_bytes_in_every_process(params, tmp_path):
    code = (
        "import json, sys, torch; from pathlib import Path; from tests import loading\n"
        "params = json.loads(sys.argv[1]); torch.manual_seed(0)\n"
        "loading.save(loading.adapted(params), Path(sys.argv[2]), params)"
    )
    prints = set()
    for seed in ("1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-c", code, json.dumps(params), str(folder)]
        subprocess.run(command, check=True, cwd=tiny.ROOT, env={"PYTHONHASHSEED": seed, "HF_HUB_OFFLINE": "1"})
        assert sorted(path.name for path in folder.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
        prints.add(fingerprint(folder))
    assert len(prints) == 1


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("models/base/nothing-here", "make setup"),
        ("./nothing", "no such folder"),
        ("tests/stages", "cannot be loaded"),
        ("Qwen/Qwen2.5-7B", "check the network"),
    ],
)
def test_a_model_that_cannot_be_had(params, model, words):
    params["model"] = model
    with pytest.raises(UserError, match=words) as raised:
        loading.base(params)
    assert model in str(raised.value)


def test_target_modules_that_do_not_exist(params):
    params["lora"]["target_modules"] = ["q_prj"]
    with pytest.raises(UserError, match="q_prj"):
        loading.adapted(params)


def test_the_estimate_counts_what_the_model_has(params):
    model = loading.base(params)
    total = sum(parameter.numel() for parameter in model.parameters())
    trainable, _ = adapters.parameter_counts(loading.adapted(params))
    counted = estimator(params)
    assert (counted.weights.parameters, counted.trained.parameters) == (total, trainable)
    assert counted.weights.training == counted.weights.generation == 4 * total
    assert counted.trained.optimizer == pytest.approx(8 * trainable, rel=0.01)
    # keys and values, 2 layers, 4 sequences of 20 + 8 tokens, rounded up, 2 heads of 8, float32
    assert estimator(params).generation(4, 20, 8).kv_cache == 2 * 2 * 4 * 48 * 2 * 8 * 4


@pytest.mark.parametrize(
    "how", [{"bnb_4bit_use_double_quant": False}, {"bnb_4bit_use_double_quant": True}, {"load_in_8bit": True}]
)
def test_the_estimate_of_quantized_weights_is_what_bitsandbytes_holds(params, how):
    params["quantization"].update(enabled=True, load_in_4bit="load_in_8bit" not in how, **how)
    model = loading.base(params)
    held = 0
    for parameter in model.parameters():
        held += parameter.nbytes
        state = getattr(parameter, "quant_state", None)
        if state is not None:
            held += state.absmax.nbytes + state.code.nbytes
        if state is not None and state.nested:
            held += state.offset.nbytes + state.state2.absmax.nbytes + state.state2.code.nbytes
        scales = getattr(parameter, "SCB", None)
        held += 0 if scales is None else scales.nbytes
    assert estimator(params).weights.generation == held


def write_checkpoint(folder):
    from safetensors.torch import save_file

    folder.mkdir()
    (folder / "trainer_state.json").write_text('{"num_input_tokens_seen": 7}')
    for name in (checkpoints.TRAINED, "adapter_model.safetensors"):
        save_file({"w": torch.zeros(2)}, folder / name)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "progress_0.pt"):
        torch.save({"x": torch.zeros(100)}, folder / name)


def test_the_newest_whole_checkpoint_is_used(tmp_path):
    assert checkpoints.latest(tmp_path) is None
    for step in (2, 10):
        write_checkpoint(tmp_path / f"checkpoint-{step}")
    (tmp_path / "checkpoint-12").mkdir()
    assert checkpoints.latest(tmp_path).endswith("checkpoint-10")
    assert checkpoints.tokens_seen(checkpoints.latest(tmp_path)) == 7
    assert checkpoints.tokens_seen(None) == 0


@pytest.mark.parametrize(
    "name",
    ["trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth", "progress_0.pt", checkpoints.TRAINED],
)
def test_a_damaged_checkpoint_is_reported_and_passed_over(tmp_path, capsys, name):
    for step in (2, 10):
        write_checkpoint(tmp_path / f"checkpoint-{step}")
    damaged = tmp_path / "checkpoint-10" / name
    damaged.write_bytes(damaged.read_bytes()[:-20])
    assert checkpoints.latest(tmp_path).endswith("checkpoint-2")
    assert "checkpoint-10 cannot be used and is removed (" in capsys.readouterr().out


def test_fingerprints_change_with_each_part(tmp_path):
    (tmp_path / "a").write_text("x")
    one = fingerprint({"r": 8}, tmp_path / "a")
    assert one == fingerprint({"r": 8}, tmp_path / "a") == fingerprint({"r": 8}, tmp_path)
    assert one != fingerprint({"r": 4}, tmp_path / "a")
    (tmp_path / "a").write_text("y")
    assert one != fingerprint({"r": 8}, tmp_path / "a")


def test_a_folder_that_is_not_finished_leaves_the_old_one(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    with contextlib.suppress(KeyboardInterrupt), new_folder(tmp_path / "out") as folder:
        (folder / "new").touch()
        raise KeyboardInterrupt
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old"]
    with new_folder(tmp_path / "out") as folder:
        (folder / "new").touch()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]


def test_rows_with_strange_line_breaks_are_one_line_each(tmp_path):
    rows = [{"a": "x\u2028y\x85z"}, {"a": "\r\n"}]
    write_jsonl(tmp_path / "rows.jsonl", rows)
    assert read_jsonl(tmp_path / "rows.jsonl") == rows


def test_lora_and_prompt_tuning_are_trained_together(params):
    counts = {}
    for kinds in ({"lora"}, {"prompt_tuning"}, {"lora", "prompt_tuning"}):
        for section in ("lora", "prompt_tuning"):
            params[section]["enabled"] = section in kinds
        model = loading.adapted(params)
        counts[frozenset(kinds)], total = adapters.parameter_counts(model)
    assert (
        counts[frozenset({"lora", "prompt_tuning"})]
        == counts[frozenset({"lora"})] + counts[frozenset({"prompt_tuning"})]
    )
    assert total == sum(parameter.numel() for parameter in loading.base(params).parameters())


def test_all_weights_can_be_trained(params, tmp_path):
    params.update(full_finetuning=True)
    params["lora"]["enabled"] = False
    model = loading.adapted(params)
    trainable, total = adapters.parameter_counts(model)
    assert trainable == total
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(2)
    loading.save(model, tmp_path / "adapter", params)
    loaded = loading.tuned(params, tmp_path / "adapter")
    assert torch.equal(loaded.get_input_embeddings().weight, model.get_input_embeddings().weight)


def test_weights_of_4_bits_stay_as_they_are_when_they_are_used(params):
    """Whatever the processor: after an evaluation there is still a gradient, and the same product."""
    params["quantization"].update(enabled=True, bnb_4bit_compute_dtype="float32")
    model = loading.base(params).eval()
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        first = model(ids).logits
        assert torch.equal(first, model(ids).logits)
    states = torch.randn(1, 3, model.config.hidden_size, requires_grad=True)
    model(inputs_embeds=states).logits.sum().backward()
    assert states.grad.abs().sum() > 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="says what is mapped in /proc")
def test_a_file_is_left_once_its_weights_are_quantized(params, tmp_path):
    folder = tiny.save_model(tmp_path / "its own")  # no other test's model has this file
    quantization = {**params["quantization"], "enabled": True}
    model = loading.base({**params, "model": str(folder), "quantization": quantization})
    assert str(folder.resolve()) not in Path("/proc/self/maps").read_text()
    assert model.get_input_embeddings().weight.isfinite().all()
