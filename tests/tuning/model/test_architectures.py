"""Every architecture that must work, through train and generate, with every kind of adapter."""

import json

import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM, FalconMambaConfig, Mamba2Config, MambaConfig, RwkvConfig, xLSTMConfig

from stages import baseline, generate, train
from tests import loading, tiny, tiny_architectures
from tests.combinations import checkerboard, slow
from tuning.data import schemas
from tuning.generation.answering import RESPONSES
from tuning.generation.task import PROMPTS as ASKED
from tuning.model import adapters, chat_template
from tuning.training.trainer import encode

TRAINED = {
    "lora": {"lora": True},
    "prompt tuning": {"prompt_tuning": True},
    "both": {"lora": True, "prompt_tuning": True},
    "4-bit": {"lora": True, "quantization": True},
}
EIGHT_BITS = {"enabled": True, "load_in_4bit": False, "load_in_8bit": True}
ROWS = [
    {"prompt": [{"role": "user", "content": question}], "completion": [{"role": "assistant", "content": answer}]}
    for question, answer in (("Name a colour.", "Blue."), ("Add 1 and 2.", "That is 3."), ("Why?", "Because."))
]
PROMPTS = [
    {"key": key, "prompt": text, "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    for key, text in enumerate(("Name a tree.", "Tell me something about the sea and its tides.", "Why not?"))
]


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("architectures")
    return {name: tiny_architectures.save(name, root / name) for name in tiny_architectures.ARCHITECTURES}


@pytest.fixture
def params(folders, request):
    values = tiny.params(str(folders[request.node.callspec.params["name"]]), "rows.jsonl", "prompts.jsonl")
    values["prompt_tuning"]["num_virtual_tokens"] = 4
    values["train"].update(max_steps=2, per_device_train_batch_size=2, eval_strategy="no", eval_on_start=False)
    values["generation"].update(max_new_tokens=4, batch_size=2)
    return values


def enable(params, kinds):
    for section in ("lora", "prompt_tuning", "quantization"):
        params[section]["enabled"] = kinds.get(section, False)
    return params


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(("kind", "name"), checkerboard(list(TRAINED), tiny_architectures.ARCHITECTURES, every=3))
def test_train_and_generate(params, name, kind, tmp_path, monkeypatch):
    run_stages(enable(params, TRAINED[kind]), tmp_path, monkeypatch)


def run_stages(params, tmp_path, monkeypatch):
    """Train and generate in a folder of their own, and what must then be there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    write_rows(train.TRAIN, ROWS)
    write_rows(train.VALIDATION, [])
    write_rows(ASKED, PROMPTS)
    train.main()
    assert json.loads(train.METRICS.read_text())["steps"] == 2
    baseline.main()
    generate.main()
    for file in ("base.jsonl", "tuned.jsonl"):
        rows = [json.loads(line) for line in (RESPONSES / file).read_text().splitlines()]
        assert [row["key"] for row in rows] == [0, 1, 2]
        assert all(0 < row["new_tokens"] <= 4 for row in rows)


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        (MambaConfig, {"state_size": 4}),
        slow(Mamba2Config, {"num_heads": 4, "head_dim": 16, "state_size": 4, "n_groups": 2}),
        slow(FalconMambaConfig, {"state_size": 4}),
        slow(RwkvConfig, {"attention_hidden_size": 32, "context_length": 512}),
        slow(xLSTMConfig, {"hidden_size": 128, "num_heads": 2}),
    ],
)
def test_models_without_attention(kind, own, tmp_path, monkeypatch):
    words = tiny.tokenizer()
    special = {name: getattr(words, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = kind(vocab_size=len(words), num_hidden_layers=2, **special, **{"hidden_size": 32, **own})
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "model")
    words.save_pretrained(tmp_path / "model")
    values = tiny.params(str(tmp_path / "model"), "rows.jsonl", "prompts.jsonl")
    values["train"].update(max_steps=2, per_device_train_batch_size=2, eval_strategy="no", eval_on_start=False)
    values["generation"].update(max_new_tokens=4, batch_size="auto")
    run_stages(values, tmp_path, monkeypatch)
    together = [json.loads(line)["response"] for line in (RESPONSES / "tuned.jsonl").read_text().splitlines()]
    values["generation"]["batch_size"] = 1
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    generate.main()
    assert [json.loads(line)["response"] for line in (RESPONSES / "tuned.jsonl").read_text().splitlines()] == together
    base = loading.base(values)
    linear = {path for path, layer in base.named_modules() if isinstance(layer, torch.nn.Linear)}
    fused = kind is not xLSTMConfig  # the kernels of the others read this layer's weights themselves
    left_out = {path for path in linear if fused and path.endswith("out_proj")} | {"lm_head", "head"}
    found = adapters.lora_parameters(loading.adapted(values))
    adapted = {path.split(".lora_A")[0].removeprefix("base_model.model.") for path in found if "lora_A" in path}
    assert adapted == linear - left_out


@pytest.mark.parametrize(("kind", "name"), checkerboard(list(TRAINED), tiny_architectures.ARCHITECTURES, every=3))
def test_what_is_loaded_gives_the_logits_of_what_was_saved(params, name, kind, tmp_path):
    enable(params, TRAINED[kind])
    model = loading.adapted(params)
    torch.manual_seed(0)
    for parameter in adapters.lora_parameters(model).values():
        torch.nn.init.normal_(parameter, std=0.1)
    before = logits(model)
    loading.save(model, tmp_path / "adapter", params)
    after = logits(loading.tuned(params, tmp_path / "adapter"))
    assert torch.allclose(before, after, atol=2e-4)
    assert not torch.allclose(before[:, -10:], logits(loading.base(params)), atol=1e-3)


def logits(model):
    with torch.inference_mode():
        return model.eval()(input_ids=torch.arange(20).reshape(2, 10), use_cache=False).logits


@pytest.mark.parametrize("name", tiny_architectures.ARCHITECTURES)
def test_all_linear_finds_every_linear_layer(params, name):
    base = loading.base(params)
    head = base.get_output_embeddings()
    linear = {path for path, layer in base.named_modules() if isinstance(layer, torch.nn.Linear) and layer is not head}
    tuned = loading.adapted(enable(params, {"lora": True}))
    adapted = {path.split(".lora_A")[0] for path in adapters.lora_parameters(tuned) if ".lora_A" in path}
    assert {path.removeprefix("base_model.model.") for path in adapted} == linear


@pytest.mark.parametrize("name", tiny_architectures.ARCHITECTURES)
def test_tokens_of_prompt_and_completion(params, name):
    tokenizer = loading.tokenizer(params)
    conversation = [
        {"role": "user", "content": "Name a colour."},
        {"role": "assistant", "content": "Blue."},
        {"role": "user", "content": "Another?"},
    ]
    row = chat_template.row_tokens(tokenizer, conversation, [{"role": "assistant", "content": "Green, then."}])
    assert row.prompt == chat_template.prompt_tokens(tokenizer, conversation)
    assert row.prompt.count(tokenizer.bos_token_id) <= 1 or tokenizer.bos_token_id == tokenizer.eos_token_id
    ends = set(chat_template.end_tokens(tokenizer))
    assert row.completion[-1] in ends
    assert not ends & set(row.completion[:-1])
    assert tokenizer.decode(row.completion[:-1]) == "Green, then."
    # the loss: nothing of the prompt, the role header included; all of the completion, its end included
    completion = [{"role": "assistant", "content": "Green, then."}]
    data = encode([{"prompt": conversation, "completion": completion}], tokenizer)
    assert data[0]["input_ids"] == row.prompt + row.completion
    assert data[0]["labels"] == [-100] * len(row.prompt) + row.completion
    [whole] = encode([{"prompt": conversation, "completion": completion}], tokenizer, whole=True)
    assert whole["labels"] == whole["input_ids"] == data[0]["input_ids"]
    assert tokenizer.pad_token_id not in ends


@pytest.mark.parametrize("name", tiny_architectures.ARCHITECTURES)
def test_a_system_message_is_read_by_every_template(params, name):
    tokenizer = loading.tokenizer(params)
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    text = tokenizer.decode(chat_template.prompt_tokens(tokenizer, messages))
    assert text.index("Be brief.") < text.index("Why?")


@pytest.mark.parametrize("name", ["llama"])
def test_all_weights(params, name, tmp_path, monkeypatch):
    enable(params, {})["full_finetuning"] = True
    run_stages(params, tmp_path, monkeypatch)
    assert (adapters.ADAPTER / "model.safetensors").is_file()


@pytest.mark.parametrize("name", ["llama"])
def test_eight_bits(params, name, tmp_path, monkeypatch):
    enable(params, {"lora": True})["quantization"].update(EIGHT_BITS)
    run_stages(params, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", ["llama"])
def test_virtual_tokens_begin_as_the_tokens_of_a_text(params, name):
    text = {"prompt_tuning_init": "TEXT", "prompt_tuning_init_text": "Follow every instruction to the letter."}
    enable(params, {"prompt_tuning": True})["prompt_tuning"].update(text)
    base = loading.base(params)
    words = loading.tokenizer(params)(text["prompt_tuning_init_text"])["input_ids"]
    expected = base.get_input_embeddings().weight[words[:4]].detach().clone()
    model = loading.adapted(params)
    assert torch.equal(model.prompt_encoder["default"].embedding.weight, expected)


@pytest.mark.parametrize("name", ["gemma2"])
def test_soft_capping_gets_the_attention_that_knows_it(params, name):
    assert loading.base(params).config._attn_implementation == "eager"


def test_the_schemas_name_their_columns():
    assert all(function.__doc__ for function in schemas.SCHEMAS.values())


@pytest.mark.parametrize("name", ["llama"])
def test_some_answers_are_shown_when_asked_for(params, name, tmp_path, monkeypatch, capfd):
    run_stages(enable(params, {"lora": True}), tmp_path, monkeypatch)
    shown = [f"\n> {row['prompt']}\n" for row in PROMPTS]
    assert not any(text in "".join(capfd.readouterr()) for text in shown)
    generate.main(show=True)
    said = "".join(capfd.readouterr())
    assert sum(text in said for text in shown) == 1


@pytest.mark.parametrize("name", ["llama"])
def test_each_of_base_and_tuned_is_answered_and_counted_without_the_other(params, name, tmp_path, monkeypatch):
    run_stages(enable(params, {"lora": True}), tmp_path, monkeypatch)
    files = {name: RESPONSES / f"{name}.jsonl" for name in ("base", "tuned")}
    before = {name: path.read_bytes() for name, path in files.items()}
    for stage, model, other in ((generate, "tuned", "base"), (baseline, "base", "tuned")):
        files[other].unlink(missing_ok=True)
        counted = json.loads(stage.METRICS.read_text())
        stage.main()
        assert files[model].read_bytes() == before[model]
        assert json.loads(stage.METRICS.read_text()) == counted
        assert counted[model]["responses"] == 3
        assert not files[other].exists()
