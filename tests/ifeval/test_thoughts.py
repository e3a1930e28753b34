"""Thoughts before an answer are left out of what is judged, where that is asked for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifeval.cli import main
from ifeval.thoughts import are_open, has_thoughts, without_thoughts

PROMPT = {"key": 1, "prompt": "p", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}


@pytest.mark.parametrize(
    ("response", "rest"),
    [
        ("<think>\nWell, so.\n</think>\n\nyes", "yes"),
        ("\n <think></think>yes\n", "yes\n"),
        ("Well, so.\n</think>\nyes", "yes"),  # the chat template has opened them
        ("<think>a</think> one <think>b</think> two", "one two"),
        ("<think>It goes on and", ""),
        ("</think>", ""),
        ("<Think>Well, so.</THINK>yes", "yes"),
        ("<thinking>I <think>, so</thinking> yes", "yes"),
        ("Well, so.</reasoning>yes", "yes"),
        ("<think>Or <think>not</think> so</think>yes", "yes"),  # one in another
        ("Or <think>not</think> so</think>\nyes", "yes"),  # and the template has opened the outer one
        ("<think>\n<think>\nWell</think>yes", "yes"),  # opened twice, ended once
        ("<think>The tag <think> it is, <think></think>yes", "yes"),
        ("<think>a</think>so</think>yes", "yes"),
        ("a</think>so</think>yes", "yes"),
        ("<think>a</think>\n<think>b</think>\n\nyes", "yes"),
        ("<think>a</think>yes <think>and then", "yes "),
        ("<think>a</thinking> b</think>yes", "yes"),
        ("<think>\n<think>\n", ""),
    ],
)
def test_what_is_left(response, rest):
    assert has_thoughts(response)
    assert without_thoughts(response) == rest


@pytest.mark.parametrize("response", ["", "yes", "The tag <think> opens, and </think> ends.", "a <think> b", " x "])
def test_other_responses_stay_as_they_are(response):
    assert not has_thoughts(response)
    assert without_thoughts(response) == response


@pytest.mark.parametrize(
    ("response", "opened"),
    [
        ("yes", False),
        ("<think>\nIt goes on and", True),
        ("yes <Think> and then", True),
        ("<think>a</think>yes <think>and then", True),
        ("<think>a</thinking> b", True),
        ("<think>a</think>yes", False),
        ("a</think>yes", False),
        ("<think>\n<think>\nWell</THINK>yes", False),
    ],
)
def test_thoughts_that_do_not_end(response, opened):
    assert are_open(response) == opened


@given(st.text(max_size=20), st.text("ab \n,<>/", max_size=20))
def test_any_thoughts(thoughts, answer):
    thoughts = thoughts.replace("<", "(")
    for begin in ("<think>", ""):
        assert without_thoughts(f"{begin}{thoughts}</think>{answer}") == answer.lstrip()


@given(st.lists(st.sampled_from(["<think>", "</think>", "<thought>", "</thought>", "a", " "]), max_size=12))
def test_any_tags(pieces):
    response = "".join(pieces)
    rest = without_thoughts(response)
    assert len(rest) <= len(response)
    assert rest == response or has_thoughts(response)


def test_many_tags_take_no_time():
    for tag in ("<think>", "</think>", "<think></think>", "<think><thought>", "<think></think>a"):
        without_thoughts(tag * 20000)


def test_the_command_strips_them_or_warns(tmp_path, capsys):
    prompts, responses = tmp_path / "p.jsonl", tmp_path / "r.jsonl"
    prompts.write_text(json.dumps(PROMPT))
    responses.write_text(json.dumps({"key": 1, "response": "<think>So, well</think>yes"}))
    arguments = ["score", "--prompts", str(prompts), "--responses", str(responses), "--json"]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["prompt_level_strict_acc"] == 0
    assert "1 of 1 responses begin with thoughts" in said.err
    assert "--strip-thoughts" in said.err
    assert main([*arguments, "--strip-thoughts"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["prompt_level_strict_acc"] == 1
    assert said.err == ""
