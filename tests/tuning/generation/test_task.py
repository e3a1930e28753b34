"""How prompts reach the model: in its chat template, or bare."""

import dataclasses
import json
import shutil

import pytest

from tests import tiny
from tuning.generation import task as tasks


def asked(tmp_path, monkeypatch, model, tuned=None, **generation):
    monkeypatch.chdir(tmp_path)
    values = tiny.params(str(model), "rows.jsonl", "prompts.jsonl")
    values["generation"].update(generation)
    row = {"key": 1, "prompt": "Name a colour.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    tasks.PROMPTS.parent.mkdir(parents=True, exist_ok=True)
    tasks.PROMPTS.write_text(json.dumps(row) + "\n")
    return tasks.task(tiny.checked(values), tmp_path, tuned)


@pytest.fixture(scope="module")
def base_model(tmp_path_factory):
    """A model without a chat template."""
    folder = tiny.save_model(tmp_path_factory.mktemp("models") / "base")
    words = tiny.tokenizer(None)
    for path in folder.glob("chat_template*"):
        path.unlink()
    words.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(("template", "bare"), [("auto", True), ("none", True), ("chat", False)])
def test_a_base_model_is_given_the_bare_prompt_unless_its_template_is_asked_for(
    tmp_path, monkeypatch, base_model, template, bare
):
    task = asked(tmp_path, monkeypatch, base_model, base_template=template)
    text = task.tokenizer.decode(task.token_ids()[0])
    assert task.bare == bare
    assert (text == "Name a colour.") == bare


@pytest.mark.parametrize(("template", "bare"), [("auto", False), ("none", True), ("chat", False)])
def test_a_model_with_a_template_is_asked_in_it(tmp_path, monkeypatch, tiny_model, template, bare):
    task = asked(tmp_path, monkeypatch, tiny_model, base_template=template)
    assert task.bare == bare
    assert ("<|im_start|>" in task.tokenizer.decode(task.token_ids()[0])) != bare


def test_the_tuned_model_is_always_asked_in_its_template(tmp_path, monkeypatch, base_model):
    tuned = tasks.Tuned(str(base_model), whole=False, rank=8)
    assert not asked(tmp_path, monkeypatch, base_model, tuned, base_template="none").bare


def test_what_the_system_says_stands_before_a_bare_prompt(tmp_path, monkeypatch, base_model):
    task = asked(tmp_path, monkeypatch, base_model, system_prompt="Be brief.")
    assert task.texts() == ["Be brief.\n\nName a colour."]


@pytest.mark.parametrize("around", ["<s> $A </s>", "$A </s>", "<s> $A", "$A"])
def test_a_text_to_be_continued_is_not_ended(around):
    import tokenizers

    words = tiny.tokenizer(None, bos_token="<s>", eos_token="</s>")
    plain = words("Name a colour.", add_special_tokens=False)["input_ids"]
    special = [(token, words.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    words.backend_tokenizer.post_processor = tokenizers.processors.TemplateProcessing(around, special_tokens=special)
    before = [words.bos_token_id] if around.startswith("<s>") else []
    assert tasks.open_ended(words, "Name a colour.") == before + plain


@pytest.mark.parametrize("text", ["Say <s> or </s>.", "</s>", "<s>Hm", "Say \ud83d", "Say <s> \ud83d", ""])
def test_of_a_text_to_be_continued_only_what_the_tokenizer_puts_before_it_is_special(text):
    import tokenizers

    words = tiny.tokenizer(None, bos_token="<s>", eos_token="</s>")
    special = [(token, words.convert_tokens_to_ids(token)) for token in ("<s>", "</s>")]
    post = tokenizers.processors.TemplateProcessing("<s> $A </s>", special_tokens=special)
    words.backend_tokenizer.post_processor = post
    ids = tasks.open_ended(words, text)
    assert ids[0] == words.bos_token_id
    assert not {words.bos_token_id, words.eos_token_id} & set(ids[1:])
    assert words.decode(ids[1:]) == text.replace("\ud83d", "\ufffd")
    assert words("<s>", add_special_tokens=False)["input_ids"] == [words.bos_token_id]  # as before


@pytest.mark.parametrize("template", ["none", "chat"])
def test_a_server_is_told_which_prompts_hold_special_tokens_and_what_is_before_an_answer(
    tmp_path, monkeypatch, tiny_model, template
):
    task = asked(tmp_path, monkeypatch, tiny_model, base_template=template)
    rows = [{"key": 1, "prompt": "Name a colour."}, {"key": 2, "prompt": "Explain <|im_end|>."}]
    task = dataclasses.replace(task, prompts=rows)
    assert task.with_special_tokens() == {1}
    end = "" if task.bare else "<|im_end|>\n<|im_start|>assistant\n"
    assert task.before(0).endswith(f"Name a colour.{end}")


def test_a_server_is_told_the_end_tokens_of_tokenizer_and_checkpoint(tmp_path, monkeypatch, tiny_model):
    model = shutil.copytree(tiny_model, tmp_path / "model")
    end = tiny.tokenizer().convert_tokens_to_ids("<|im_end|>")
    (model / "generation_config.json").write_text('{"eos_token_id": [7, 9]}')
    assert asked(tmp_path, monkeypatch, model).ends is None
    found = asked(tmp_path, monkeypatch, model, engine="openai").ends
    assert {7, 9, end} <= set(found)
    (model / "generation_config.json").unlink()  # then config.json has them
    assert 7 not in asked(tmp_path, monkeypatch, model, engine="openai").ends
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"eos_token_id": 7}))
    assert 7 in asked(tmp_path, monkeypatch, model, engine="openai").ends


def test_of_a_model_that_was_trained_whole_the_end_tokens_are_its_own(tmp_path, monkeypatch, tiny_model):
    whole = shutil.copytree(tiny_model, tmp_path / "whole")
    (whole / "generation_config.json").write_text('{"eos_token_id": 9}')
    tuned = [tasks.Tuned(str(whole), whole=each, rank=8) for each in (True, False)]
    found = [asked(tmp_path, monkeypatch, tiny_model, each, engine="openai").ends for each in tuned]
    assert [9 in ends for ends in found] == [True, False]
