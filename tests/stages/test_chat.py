"""Talking to a tuned model in the terminal."""

import argparse
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from stages import chat
from tests import loading, tiny
from tests.stages import tuned_project
from tests.stages.tuned_project import stage
from tuning.model import chat_template


@pytest.fixture
def project(tmp_path, tiny_model, monkeypatch):
    """The folder of a tuned project."""
    monkeypatch.chdir(tmp_path)
    return tuned_project.make(tiny_model)


def talk(monkeypatch, capsys, said, **generation):
    """What chat, with the base model, prints in this process; the model writes up to 8 tokens."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["generation"] |= generation
    lines = iter([*said, "/quit"])
    monkeypatch.setattr(chat, "read_params", lambda: tiny.checked(params))
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    chat.main(argparse.Namespace(base=True, system=None, max_new_tokens=None))
    return capsys.readouterr()


@pytest.mark.slow
def test_a_conversation(project):
    done = stage("chat", text="Say hello.\n/new\n\nSay hello.\nSay hello.\n/quit\nnot read\n")
    assert done.returncode == 0, done.stderr
    answers = done.stdout.split("\n> ")[1:]
    assert len(answers) == 6  # three answers, a new start, an empty line, and the end
    assert answers[0].strip()
    assert answers[3] == answers[0] != answers[4]  # a new start, and a turn after it
    again = stage("chat", text="Say hello.\n")
    assert again.stdout.split("\n> ")[1] == answers[0]
    assert stage("chat", "--base", text="Say hello.\n").stdout.split("\n> ")[1] != answers[0]


def test_an_answer_is_what_generate_would_write_and_the_conversation_is_remembered(project):
    first, second = stage("chat", "--base", text="Say hello.\nAgain.\n").stdout.split("\n> ")[1:3]
    model, words = loading.base(project), loading.tokenizer(project)
    turns = [{"role": "user", "content": "Say hello."}]
    for answer in (first, second):
        ids = torch.tensor([chat_template.prompt_tokens(words, turns)])
        ends = chat_template.end_tokens(words)
        written = model.generate(ids, max_new_tokens=8, do_sample=False, eos_token_id=ends)[0, ids.shape[1] :]
        text = words.decode(written, skip_special_tokens=True)
        assert " ".join(answer.split()) == " ".join(text.split())
        turns += [{"role": "assistant", "content": text.strip()}, {"role": "user", "content": "Again."}]


def test_an_answer_ends_at_a_stop_string(project, monkeypatch, capsys):
    whole = talk(monkeypatch, capsys, ["Say hello."]).out.splitlines()[1]
    stop = whole[len(whole) // 2]
    cut = talk(monkeypatch, capsys, ["Say hello."], stop_strings=[stop]).out.splitlines()[1]
    assert stop in cut
    assert whole.startswith(cut)
    assert len(cut) < len(whole)


def test_beams_are_left_out_of_a_conversation_which_is_said_once(project, monkeypatch, capsys, recwarn):
    plain = talk(monkeypatch, capsys, ["Say hello.", "Again."])
    beams = talk(monkeypatch, capsys, ["Say hello.", "Again."], num_beams=3, early_stopping=True, length_penalty=0.5)
    said = [line for line in beams.out.splitlines() if "generation.num_beams" in line]
    assert len(said) == 1
    assert beams.out.replace(f"{said[0]}\n", "") == plain.out
    assert beams.err.count("num_beams") == plain.err.count("num_beams") == 0
    assert not [warning for warning in recwarn if "beam" in str(warning.message)]


def test_a_composite_model_s_context_is_that_of_its_text(tiny_tokenizer, capsys):
    from transformers import Gemma3Config

    config = Gemma3Config(text_config={"max_position_embeddings": 64})
    asked = []
    model = SimpleNamespace(config=config, device="cpu", generate=lambda input_ids, **how: asked.append(input_ids))
    turns = [
        {"role": "user", "content": "a long question " * 20},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Say hello."},
    ]
    last = turns[2]
    chat.answer(model, tiny_tokenizer, turns, SimpleNamespace(max_new_tokens=8, stop_strings=None))
    assert turns == [last]
    assert asked[0].shape[1] <= 64 - 8
    assert "are left out" in capsys.readouterr().out


def test_thoughts_in_a_channel_are_shown_and_kept_as_thoughts(capsys):
    names = ["<|channel|>", "<|message|>", "<|start|>", "<|end|>"]
    words = tiny.tokenizer(eos_token="<|return|>", pad_token="<|endoftext|>", additional_special_tokens=names)
    thought = "<|channel|>analysis<|message|>We need\nthis word.<|end|><|start|>assistant"
    written = words(f"{thought}<|channel|>final<|message|>Hello\nthere, you.<|return|>")["input_ids"]

    def generate(input_ids, streamer, **how):
        streamer.put(input_ids)
        for token in written:
            streamer.put(torch.tensor([token]))
        streamer.end()

    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(max_position_embeddings=512))
    model = SimpleNamespace(config=config, device="cpu", generate=generate)
    turns = [{"role": "user", "content": "Say hello."}]
    found = chat.answer(model, words, turns, SimpleNamespace(max_new_tokens=8, stop_strings=None))
    assert found == "<think>We need\nthis word.</think>\n\nHello\nthere, you."
    assert capsys.readouterr().out == f"{found}\n"


def test_chat_without_an_adapter_says_where_to_get_one(project):
    shutil.rmtree("models/adapter")
    done = stage("chat", text="hello\n")
    assert done.returncode == 1
    assert "dvc repro" in done.stderr
