"""Each kind of odd checkpoint through prepare, baseline, train and generate: the right result, or one early error."""

import json
from datetime import datetime

import pytest
import torch
import yaml

from stages import baseline, generate, prepare, train
from tests import odd_checkpoints, tiny
from tuning.core.errors import UserError
from tuning.training import fitting

PAIRS = [
    ("Name a colour.", "Blue, as the sky is."),
    ("Add one and two.", "That is three."),
    ("Why does iron rust?", "Water and air make it rust."),
    ("What is a lighthouse for?", "It shows ships where the coast is."),
]
PROMPTS = ["Name a tree.", "Tell me something about the sea and its tides.", "Why not?"]
STAGES = (prepare, baseline, train, generate)


@pytest.fixture
def pipeline(tmp_path, monkeypatch):
    """A folder with data; ``pipeline(model, stages, section__key=value)`` runs the stages there."""
    monkeypatch.chdir(tmp_path)
    turns = [[("user", asked), ("assistant", said)] for asked, said in PAIRS]
    turns.append([("user", "Are you there?"), ("user", "Say something."), ("assistant", "Here I am.")])
    rows = [{"messages": [{"role": role, "content": content} for role, content in row]} for row in turns]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [
        {"key": key, "prompt": text, "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
        for key, text in enumerate(PROMPTS)
    ]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))

    def run(model, stages=STAGES, **changes):
        values = tiny.params(str(model), "rows.jsonl", "prompts.jsonl")
        values["data"].update(num_val=1, on_error="drop")
        values["train"].update(max_steps=2, per_device_train_batch_size=2, save_steps=1)
        for name, value in changes.items():
            *sections, key = name.split("__")
            (values[sections[0]] if sections else values)[key] = value
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        for stage in stages:
            stage.main()

    run.folder = tmp_path
    return run


def answers(folder, name="tuned"):
    found = [json.loads(line) for line in (folder / f"data/responses/{name}.jsonl").read_text().splitlines()]
    assert [row["key"] for row in found] == list(range(len(PROMPTS)))
    return found


def learnt(model, **changes):
    """The tokenizer, and the prompt and completion of a row as train encodes them, as text."""
    from tuning.model import chat_template

    values = tiny.params(str(model), "rows.jsonl", "prompts.jsonl")
    values["tokenizer_config"].update(changes)
    words = chat_template.load_tokenizer(tiny.checked(values))
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because it is so."}]
    row = chat_template.row_tokens(words, turns[:1], turns[1:])
    asked = chat_template.prompt_tokens(words, turns[:1])
    assert row.prompt == asked
    return words, words.decode(row.prompt), words.decode(row.completion)


def test_a_template_that_demands_alternating_roles(pipeline, tmp_path):
    pipeline(
        odd_checkpoints.save(tmp_path / "model", odd_checkpoints.USER_FIRST), generation__system_prompt="Be brief."
    )
    dropped = json.loads((tmp_path / "metrics/data.json").read_text())["dropped"]
    assert dropped["refused_by_template"] == 1
    assert all(row["new_tokens"] for row in answers(tmp_path))


def test_a_template_that_opens_thoughts(pipeline, tmp_path):
    model = odd_checkpoints.save(tmp_path / "model", odd_checkpoints.THINKS)
    pipeline(model)
    _, prompt, completion = learnt(model)
    assert prompt.endswith("<think>\n")
    assert completion.replace("\n", "") == "</think>Because it is so.<|im_end|>"
    assert all(row["new_tokens"] for row in answers(tmp_path))


def test_a_template_that_writes_the_date_gives_the_same_bytes_on_every_day(pipeline, tmp_path, monkeypatch):
    from transformers.utils import chat_template_utils

    model, results = odd_checkpoints.save(tmp_path / "model", odd_checkpoints.DATED), []
    for day in (3, 4):
        clock = type("Clock", (datetime,), {"now": classmethod(lambda cls, day=day: datetime(2031, 5, day))})
        monkeypatch.setattr(chat_template_utils, "datetime", clock)
        pipeline(model)
        outputs = (
            "data/responses/base.jsonl",
            "models/adapter/adapter_model.safetensors",
            "data/responses/tuned.jsonl",
        )
        results.append([(tmp_path / output).read_bytes() for output in outputs])
    assert results[0] == results[1]


def test_a_tokenizer_without_an_end_token(pipeline, tmp_path):
    model = odd_checkpoints.save(tmp_path / "model", tiny.CHATML, unk_token="<unk>", bos_token="<end>")
    with pytest.raises(UserError, match="has no end token: set 'tokenizer_config.eos_token'"):
        pipeline(model)
    pipeline(model, tokenizer_config__eos_token="<end>")
    assert all(row["new_tokens"] for row in answers(tmp_path))
    assert learnt(model, eos_token="<end>")[2].endswith("<end>")


def test_a_template_with_tokens_that_the_model_does_not_have(pipeline, tmp_path, monkeypatch):
    template = tiny.CHATML.replace("<|im_start|>{{ message['role'] }}", "<|user|>")
    model = odd_checkpoints.save_larger_tokenizer(tmp_path / "model", template)
    pipeline(model, [prepare])
    for stage, loads in ((baseline, baseline), (train, fitting)):
        monkeypatch.setattr(loads, "load_model", None)  # the error comes before
        with pytest.raises(UserError, match=r"gives token \d+, and .* has \d+ tokens: set 'tokenizer'"):
            pipeline(model, [stage])


def test_a_pad_token_that_the_model_does_not_have(pipeline, tmp_path):
    model = odd_checkpoints.save_larger_tokenizer(tmp_path / "model", pad_token="<|pad|>")
    with pytest.raises(UserError, match=r"pad_token, '<\|pad\|>', is token \d+, .* set 'tokenizer_config.pad_token'"):
        pipeline(model, [prepare, baseline])
    pipeline(model, tokenizer_config__pad_token="<|endoftext|>")
    assert all(row["new_tokens"] for row in answers(tmp_path))


def test_learned_positions_limit_answers(pipeline, tmp_path, capsys):
    model = odd_checkpoints.save_learned_positions(tmp_path / "model")
    pipeline(model, generation__max_new_tokens=100, train__max_length=64, unlikelihood__answers=3)
    assert "the model's context is 64" in capsys.readouterr().out
    assert all(0 < row["new_tokens"] < 64 for row in answers(tmp_path))
    words = learnt(model)[0]
    for row in answers(tmp_path, "base"):
        assert row["new_tokens"] <= 64 - len(words(row["prompt"])["input_ids"])


def test_learned_positions_and_virtual_tokens(pipeline, tmp_path, monkeypatch):
    model = odd_checkpoints.save_learned_positions(tmp_path / "model")
    soft = {"lora__enabled": False, "prompt_tuning__enabled": True, "prompt_tuning__num_virtual_tokens": 60}
    pipeline(model, [prepare], **soft)
    monkeypatch.setattr(fitting, "load_model", None)  # the error comes before
    with pytest.raises(UserError, match="with 60 virtual tokens before it, and .* has 64 positions"):
        pipeline(model, [train], **soft)


def test_a_second_end_token_in_the_generation_config(pipeline, tmp_path):
    from transformers import AutoModelForCausalLM

    from tuning.model import chat_template

    model = odd_checkpoints.save(tmp_path / "model")
    words = learnt(model)[0]
    asked = torch.tensor([chat_template.prompt_tokens(words, [{"role": "user", "content": PROMPTS[0]}])])
    own = AutoModelForCausalLM.from_pretrained(model).generate(
        asked, max_new_tokens=8, do_sample=False, min_new_tokens=8
    )
    third = own[0, asked.shape[1] + 2].item()
    length = own[0, asked.shape[1] :].tolist().index(third) + 1
    odd_checkpoints.change(model / "generation_config.json", eos_token_id=[words.eos_token_id, third])
    pipeline(model)
    first = answers(tmp_path, "base")[0]
    assert (first["new_tokens"], first["finish_reason"]) == (length, "stop")


def test_a_checkpoint_that_holds_4_bit_weights(pipeline, tmp_path, tiny_model, recwarn):
    pipeline(odd_checkpoints.save_four_bits(tmp_path / "model", tiny_model), train__learning_rate=0.05)
    assert not [each for each in recwarn if "Merge lora" in str(each.message)]
    assert [row["response"] for row in answers(tmp_path)] != [row["response"] for row in answers(tmp_path, "base")]


def test_all_weights_of_a_model_whose_generation_config_contradicts_itself(pipeline, tmp_path):
    model = odd_checkpoints.save(tmp_path / "model")
    odd_checkpoints.change(model / "generation_config.json", do_sample=False, temperature=0.6, top_p=0.9)
    pipeline(model, full_finetuning=True, lora__enabled=False)
    assert (tmp_path / "models/adapter/model.safetensors").is_file()
    assert "temperature" not in json.loads((tmp_path / "models/adapter/generation_config.json").read_text())
    assert all(row["new_tokens"] for row in answers(tmp_path))


NO_BEGINNING = {"eos_token": "<|im_end|>", "unk_token": "<|endoftext|>"}
GOOD = {
    "tied embeddings": {"tied": True},
    "pad token is the end token": odd_checkpoints.SPECIAL | {"pad_token": "<|im_end|>"},
    "no beginning-of-text token": NO_BEGINNING,
    "no special token but the end": {"eos_token": "<|im_end|>"},
    "system turns raise an error": {"template": odd_checkpoints.NO_SYSTEM},
    "the assistant's turn is never begun": {"template": odd_checkpoints.NEVER_BEGINS},
    "the assistant's turn is always begun": {"template": odd_checkpoints.ALWAYS_BEGINS},
    "contents are lists of parts": {"template": odd_checkpoints.PARTS},
}


@pytest.mark.parametrize("how", GOOD.values(), ids=GOOD)
def test_other_checkpoints_learn_the_answer_and_its_end(pipeline, tmp_path, how):
    model = odd_checkpoints.save(tmp_path / "model", **how)
    pipeline(model, generation__system_prompt="Be brief.")
    assert all(row["new_tokens"] for row in answers(tmp_path))
    words, prompt, completion = learnt(model)
    assert prompt.endswith("Why?<|im_end|>\n<|im_start|>assistant\n")
    assert completion == "Because it is so.<|im_end|>"
    assert words.pad_token_id != words.eos_token_id
