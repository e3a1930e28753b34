"""Adapters that are trained each on its share of the rows, and their mean."""

import csv
import json
import weakref
from types import SimpleNamespace

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from stages import train
from stages.lib import adapters, chat, checkpoints, curves, memory, models, shares
from stages.lib.errors import UserError
from stages.lib.files import fingerprint, read_json, write_jsonl
from tests import tiny

WORDS = ("blue", "three apples", "a long way", "nobody knows", "the sea", "in spring", "twice")
ROWS = [
    {
        "prompt": [{"role": "user", "content": f"Question {number} of many?"}],
        "completion": [{"role": "assistant", "content": f"It is {word}."}],
    }
    for number, word in enumerate(WORDS)
]


@pytest.fixture
def params(tiny_model, tmp_path, monkeypatch):
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    values["train"].update(max_steps=3, per_device_train_batch_size=2, learning_rate=1e-2)
    values["lora"].update(shares=2)
    monkeypatch.chdir(tmp_path)
    write_jsonl(train.VALIDATION, ROWS[-1:])
    return values


def trained(params, rows):
    """The adapter's folder after the stage."""
    with open("params.yaml", "w") as file:
        yaml.safe_dump(params, file)
    write_jsonl(train.TRAIN, rows)
    train.main()
    return adapters.ADAPTER


def products(folder):
    """What each of LoRA's pairs of matrices adds to the weight that it stands beside."""
    config, matrices = read_json(folder / "adapter_config.json"), load_file(folder / "adapter_model.safetensors")
    found = {}
    for name, matrix in matrices.items():
        if "lora_A" in name:
            rank = len(matrix) ** (0.5 if config["use_rslora"] else 1)
            pair = matrix.double(), matrices[name.replace("lora_A", "lora_B")].double()
            found[name] = config["lora_alpha"] / rank * pair[1] @ pair[0]
    return found


@pytest.mark.parametrize(
    ("quantized", "how"),
    [(False, {}), (False, {"use_rslora": True}), (False, {"rank_pattern": {"q_proj": 2}}), (True, {})],
)
def test_the_adapter_is_the_mean_of_what_the_shares_give_alone(params, quantized, how):
    params["quantization"]["enabled"] = quantized  # its adapters are in bfloat16, of eight bits
    params["lora"].update(how)
    params["train"]["eval_on_start"] = False  # of the first share alone, which changes the order of rows
    rows = ROWS[:-1]
    mean = products(trained(params, rows))
    params["lora"]["shares"] = 1
    one, other = products(trained(params, rows[0::2])), products(trained(params, rows[1::2]))
    for name, product in mean.items():
        exact = 2**-7 * product.abs().max().item() if quantized else 1e-6
        assert torch.allclose(product, (one[name] + other[name]) / 2, atol=exact)
        assert not torch.allclose(one[name], other[name], atol=1e-5)


def test_the_metrics_are_those_of_all_shares(params):
    trained(params, ROWS[:-1])
    told, measured = read_json(train.METRICS), read_json(train.MEASURED)
    with (curves.FOLDER / "plots/metrics/train/loss.tsv").open() as file:
        losses = {int(row["step"]): float(row["loss"]) for row in csv.DictReader(file, delimiter="\t")}
    assert list(losses) == [1, 2, 3, 4, 5, 6]
    assert told["steps"] == 6
    assert told["train_loss"] == pytest.approx((losses[3] + losses[6]) / 2)
    assert told["tokens"] == pytest.approx(measured["seconds"] * measured["tokens_per_second"], rel=1e-3)

    tokenizer = chat.load_tokenizer(params)
    tokens = chat.row_tokens(tokenizer, ROWS[-1]["prompt"], ROWS[-1]["completion"])
    ids = torch.tensor([tokens.prompt + tokens.completion])
    labels = torch.tensor([[-100] * len(tokens.prompt) + tokens.completion])
    base = models.load_model(params)
    with torch.inference_mode():
        assert told["validation_loss_before"] == pytest.approx(base(input_ids=ids, labels=labels).loss.item(), rel=1e-4)
        mean = adapters.load_adapter(base, adapters.ADAPTER, params)
        assert told["validation_loss"] == pytest.approx(mean(input_ids=ids, labels=labels).loss.item(), rel=1e-4)


def test_a_share_that_is_finished_is_not_trained_again(params, monkeypatch):
    rows, fit, begun = ROWS[:-1], train.fit, []
    whole = fingerprint(trained(params, rows))
    shown = fingerprint(curves.FOLDER / "plots")

    def stopped(part, *arguments):
        begun.append(len(part))
        if len(begun) == 2:
            raise KeyboardInterrupt
        return fit(part, *arguments)

    monkeypatch.setattr(train, "fit", stopped)
    with pytest.raises(KeyboardInterrupt):
        trained(params, rows)
    assert fingerprint(adapters.ADAPTER) == whole  # what an earlier run finished is left alone
    assert fingerprint(trained(params, rows)) == whole
    assert begun == [3, 3, 3]
    assert fingerprint(curves.FOLDER / "plots") == shown
    assert not checkpoints.CHECKPOINTS.exists()


def test_one_model_is_held_at_a_time(params, monkeypatch):
    add_adapter, held = train.add_adapter, []

    def added(model, given):
        assert all(earlier() is None for earlier in held)
        tuned = add_adapter(model, given)
        held.extend([weakref.ref(model), weakref.ref(tuned), weakref.ref(model.get_input_embeddings().weight)])
        return tuned

    monkeypatch.setattr(train, "add_adapter", added)
    params["lora"]["shares"] = 3
    trained(params, ROWS)
    assert len(held) == 9


@given(st.lists(st.integers()), st.integers(1, 9))
def test_each_row_is_in_one_share(rows, number):
    params = {"lora": {"shares": number}}
    if len(rows) < number > 1:
        with pytest.raises(UserError, match=f"'lora.shares' is {number}, and there are {len(rows)} rows"):
            shares.divide(rows, params)
        return
    found = shares.divide(rows, params)
    assert sorted(row for share in found for row in share) == sorted(rows)
    assert len(found) == number
    assert max(map(len, found)) - min(map(len, found)) <= 1


@pytest.mark.parametrize("divided", ["is_fsdp_enabled", "is_deepspeed_enabled"])
def test_a_model_that_is_divided_among_processes_has_no_mean(divided):
    trainer = SimpleNamespace(**{"is_fsdp_enabled": False, "is_deepspeed_enabled": False, divided: True})
    shares.check_whole(trainer, {"lora": {"shares": 1}})
    with pytest.raises(UserError, match="'lora.shares' above 1 needs the whole model in each process"):
        shares.check_whole(trainer, {"lora": {"shares": 2}})


def test_generation_on_quantized_weights_holds_all_of_the_mean(params):
    params["quantization"]["enabled"] = True
    folder = trained(params, ROWS[:-1])
    tuned = adapters.load_adapter(models.load_model(params), folder, params)
    held = sum(parameter.nbytes for parameter in adapters.lora_parameters(tuned).values())
    assert memory.Model(params, "cpu").generation(1, 8, 8).adapter == held


def test_energy_is_told_where_it_is_known_of_all():
    one = {"measured": {"seconds": 1.0, "tokens_per_second": 30.0, "peak_memory_bytes": 5, "energy_joules": 2.0}}
    other = {"measured": {"seconds": 3.0, "tokens_per_second": 10.0, "peak_memory_bytes": 7}}
    both = shares.measured([one, other])
    assert both == {"seconds": 4.0, "tokens_per_second": 15.0, "peak_memory_bytes": 7}
    assert json.dumps(shares.measured([one])) == json.dumps(one["measured"])
    assert shares.measured([one, one])["energy_joules"] == 4.0
