"""The estimate on the command line, energy counters, arithmetic, and the preflight that stops or warns."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import JetMoeConfig

from stages.estimate import run_on
from tests import loading, tiny
from tests.tiny import checked
from tests.tuning.estimates import changed, estimator
from tuning.config import overrides
from tuning.core.energy import Energy, counters
from tuning.core.errors import UserError
from tuning.generation.task import Task
from tuning.memory import activations, flops, preflight, printed_estimate
from tuning.model.adapters import adapter_spec
from tuning.model.model_spec import model_spec


def command(*arguments):
    line = [sys.executable, "-m", "stages.estimate", *arguments]
    return subprocess.run(line, capture_output=True, text=True, cwd=tiny.ROOT)


def test_the_estimate_of_a_model_that_is_not_here():
    done = command("-S", "model=microsoft/phi-2", "-S", "train.max_length=256", "--device", "cuda")
    assert done.returncode == 0, done.stderr
    assert "microsoft/phi-2: 2,779,683,840 parameters" in done.stdout
    assert "float16 on cuda" in done.stdout
    for text in ("weights", "activations", "kv cache", "in all", "rows of 256 tokens", "80 GiB"):
        assert text in done.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.max_length", "-S train.max_length: Error parsing override 'train.max_length' missing EQUAL"),
        (
            "train.max_lenght=5",
            "-S train.max_lenght=5: unknown key 'train.max_lenght'; did you mean 'train.max_length'?",
        ),
        ("+train.max_lenght=5", "did you mean 'train.max_length'"),
        ("train.max_length=[", "-S train.max_length=[: no viable alternative at input '['"),
        ("seed.more=1", "Could not override 'seed.more'"),
        ("model=nobody/nothing", "'nobody/nothing'"),
    ],
)
def test_a_wrong_change_is_one_line(change, message):
    done = command("-S", change)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_changes_are_yaml(monkeypatch):
    monkeypatch.chdir(tiny.ROOT)
    values = overrides.apply(
        ["lora.r=4", "quantization.enabled=true", "train.learning_rate=1e-4", "+lora.use_rslora=true"]
    )
    assert (values.lora.arguments["r"], values.quantization.enabled) == (4, True)
    assert values.train.arguments["learning_rate"] == 1e-4
    assert values.lora.arguments["use_rslora"] is True


def shown(values):
    params = checked(values)
    return printed_estimate.show(run_on(params, "cpu"), run_on(params, "cuda"), params.generation)


def plan_training(values, lengths, strict):
    return preflight.plan_training(run_on(checked(values), None), lengths, (), strict)


def check_generation(values, strict):
    params = checked(values)
    rows, tokenizer = [{"key": 1, "prompt": "Name a colour."}], loading.tokenizer(values)
    task = Task("tuned", rows, params.generation, params.model, tokenizer, params.seed, bare=False, folder=Path())
    preflight.check_generation(model_spec(params), adapter_spec(params), task, strict)


def test_what_does_not_fit_is_followed_by_what_to_change(params, monkeypatch):
    assert "does not fit" not in shown(params)
    monkeypatch.setattr(printed_estimate, "free_bytes", lambda: 1000)
    params["train"]["gradient_checkpointing"], params["lora"]["r"] = False, 16
    text = shown(params)
    assert text.index("does not fit") < text.index("quantization.enabled=true") < text.index("lora.r=")


def test_what_does_not_fit_warns_or_stops(params, monkeypatch, capsys):
    monkeypatch.setattr(preflight, "free_bytes", lambda: 1000)
    plan_training(params, [10, 20], strict=False)
    assert f"warning: training {params['model']} needs about" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"training .* needs about .* are free on .*quantization.enabled=true saves"):
        plan_training(params, [10, 20], strict=True)
    with pytest.raises(UserError, match="generation needs about"):
        check_generation(params, strict=True)


def test_freed_memory_is_kept_only_where_there_is_room_for_it(params, monkeypatch):
    plan = plan_training(params, [10, 20], strict=True)
    for free, room in ((plan.needed.total, True), (plan.needed.least, False)):
        monkeypatch.setattr(preflight, "free_bytes", lambda free=free: free)
        assert plan.leaves_room() == room


def test_what_fits_says_nothing(params, capsys):
    plan_training(params, [10, 20], strict=True)
    check_generation(params, strict=True)
    assert capsys.readouterr().err == ""


def test_a_model_that_cannot_be_estimated_is_trained_all_the_same(params, capsys, monkeypatch):
    def needs_data(*_):
        raise RuntimeError("aten._local_scalar_dense")

    monkeypatch.setattr(activations, "phases", needs_data)
    assert plan_training(params, [10] * 9, strict=True).leaves_room()
    assert "memory cannot be estimated (RuntimeError: aten._local_scalar_dense)" in capsys.readouterr().err


@pytest.mark.slow
def test_what_cannot_be_estimated_is_said_in_one_line(tmp_path):
    sizes = {"hidden_size": 32, "intermediate_size": 64, "kv_channels": 8, "num_key_value_heads": 2}
    config = JetMoeConfig(vocab_size=512, num_hidden_layers=2, architectures=["JetMoeForCausalLM"], **sizes)
    config.save_pretrained(tmp_path)  # its code reads how many tokens each expert gets
    done = command("--device", "cuda", "-S", f"model={tmp_path}")
    assert done.returncode == 1
    assert done.stderr.startswith("error: memory cannot be estimated (DataDependentOutputException: ")
    assert len(done.stderr.splitlines()) == 1


def rapl(folder, name, used, most=1000):
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{used * 1_000_000}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{most * 1_000_000}\n")


def test_energy_of_all_packages_and_across_the_counters_end(tmp_path):
    rapl(tmp_path, "intel-rapl:0", 990)
    rapl(tmp_path, "intel-rapl:1", 5)
    rapl(tmp_path, "intel-rapl:0:0", 3)  # a part of the first
    energy = Energy(tmp_path)
    rapl(tmp_path, "intel-rapl:0", 10)
    rapl(tmp_path, "intel-rapl:1", 9)
    rapl(tmp_path, "intel-rapl:0:0", 30)
    assert energy.joules() == pytest.approx(20 + 4)


def test_without_counters_nothing_is_guessed(tmp_path):
    if not counters(tmp_path):  # no GPU that counts
        assert Energy(tmp_path).joules() is None
    rapl(tmp_path, "intel-rapl:0", 1)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert "intel-rapl:0" not in counters(tmp_path)


@pytest.mark.parametrize("kind", ["lora", "full"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_operations_are_those_that_torch_counts(params, kind, checkpointing):
    from torch.utils.flop_counter import FlopCounterMode

    values = changed(params, kind, gradient_checkpointing=checkpointing)
    values["model_config"]["attn_implementation"] = "eager"
    model = loading.adapted(values).train()
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    ids = torch.randint(5, 90, (2, 128))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    estimated = flops.training_flops(estimator(values), ids.numel(), ids.shape[1])
    estimated -= 2 * ids.numel() * model.get_output_embeddings().weight.numel()  # this head computes its logits once
    assert estimated == pytest.approx(counter.get_total_flops(), rel=0.1)
