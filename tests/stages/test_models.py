"""Models, adapters and what they need, on a tiny model."""

import contextlib
import json
import subprocess
import sys

import pytest
import torch

from stages.lib import checkpoints, memory, models
from stages.lib.errors import UserError
from stages.lib.files import fingerprint, new_folder, read_jsonl, write_jsonl
from tests import tiny


@pytest.fixture
def params(tiny_model):
    return tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")


def logits(model):
    with torch.inference_mode():
        return model(input_ids=torch.arange(20).reshape(2, 10)).logits


@pytest.mark.parametrize("adapter", ["lora", "prompt_tuning"])
@pytest.mark.parametrize("quantized", [False, True])
def test_an_adapter_that_is_saved_and_loaded_gives_the_same_logits(params, tmp_path, adapter, quantized):
    params["lora"]["enabled"], params["prompt_tuning"]["enabled"] = adapter == "lora", adapter == "prompt_tuning"
    params["quantization"]["enabled"] = quantized
    model = models.add_adapter(models.load_model(params), params)
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    model.eval()
    before = logits(model)
    models.save_adapter(model, tmp_path / "adapter")
    after = logits(models.load_adapter(models.load_model(params), tmp_path / "adapter", params).eval())
    assert torch.allclose(before, after, atol=1e-4)
    assert not torch.allclose(before[:, -10:], logits(models.load_model(params).eval()), atol=1e-4)


def test_an_adapter_is_the_same_bytes_in_every_process(params, tmp_path):
    code = (
        "import json, sys, torch; from pathlib import Path; from stages.lib import models\n"
        "params = json.loads(sys.argv[1]); torch.manual_seed(0)\n"
        "models.save_adapter(models.add_adapter(models.load_model(params), params), Path(sys.argv[2]))"
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
        models.load_model(params)
    assert model in str(raised.value)


def test_target_modules_that_do_not_exist(params):
    params["lora"]["target_modules"] = ["q_prj"]
    with pytest.raises(UserError, match="q_prj"):
        models.add_adapter(models.load_model(params), params)


def test_the_estimate_counts_what_the_model_has(params):
    model = models.load_model(params)
    total = sum(parameter.numel() for parameter in model.parameters())
    trainable, _ = models.add_adapter(model, params).get_nb_trainable_parameters()
    estimated = memory.estimate(params, longest_prompt=20)
    assert estimated.parameters == total
    assert estimated.trainable_parameters == trainable
    assert estimated.weights_bytes == 4 * total
    assert estimated.optimizer_bytes == 8 * trainable
    # keys and values, 2 layers, 4 sequences of 20 + 8 tokens, 2 heads of 8, float32
    assert estimated.kv_cache_bytes == 2 * 2 * 4 * 28 * 2 * 8 * 4


def test_the_estimate_of_quantized_weights_is_what_bitsandbytes_holds(params):
    params["quantization"].update(enabled=True, bnb_4bit_use_double_quant=False)
    model = models.load_model(params)
    held = sum(p.numel() * p.element_size() for p in model.parameters())
    held += sum(p.quant_state.absmax.numel() * 4 for p in model.parameters() if hasattr(p, "quant_state"))
    assert memory.estimate(params, longest_prompt=20).weights_bytes == pytest.approx(held, rel=0.02)


def test_the_newest_complete_checkpoint_is_used(tmp_path):
    assert checkpoints.latest(tmp_path) is None
    for step in (2, 10, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text('{"num_input_tokens_seen": 7}')
    (tmp_path / "checkpoint-12" / "trainer_state.json").unlink()
    assert checkpoints.latest(tmp_path).endswith("checkpoint-10")
    assert checkpoints.tokens_seen(checkpoints.latest(tmp_path)) == 7
    assert checkpoints.tokens_seen(None) == 0


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
