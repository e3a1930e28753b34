"""How prompts reach the model: in its chat template, or bare."""

import json

import pytest

from tests import tiny
from tuning.generation import answering


def asked(tmp_path, monkeypatch, model, name="base", **generation):
    monkeypatch.chdir(tmp_path)
    values = tiny.params(str(model), "rows.jsonl", "prompts.jsonl")
    values["generation"].update(generation)
    row = {"key": 1, "prompt": "Name a colour.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    answering.PROMPTS.parent.mkdir(parents=True, exist_ok=True)
    answering.PROMPTS.write_text(json.dumps(row) + "\n")
    return answering.task(name, tiny.checked(values), tmp_path)


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
    assert not asked(tmp_path, monkeypatch, base_model, name="tuned", base_template="none").bare


def test_what_the_system_says_stands_before_a_bare_prompt(tmp_path, monkeypatch, base_model):
    task = asked(tmp_path, monkeypatch, base_model, system_prompt="Be brief.")
    assert task.texts() == ["Be brief.\n\nName a colour."]
