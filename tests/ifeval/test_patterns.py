"""Patterns that cannot be searched for are refused as the prompts are read, with file, line and a way out."""

import ast
import json
import re

import pytest

from ifeval import InstructionError, RecordError, build, judge_all, patterns, read_prompts
from ifeval.cli import main
from ifeval.records import Prompt

FREQUENCY = {"frequency": 1, "relation": "at least"}


def rows(folder, name, kwargs):
    row = {"key": 7, "prompt": "p", "instruction_id_list": [name], "kwargs": [kwargs]}
    path = folder / "p.jsonl"
    path.write_text("\n" + json.dumps(row))
    return path


@pytest.mark.parametrize(
    ("name", "kwargs", "key", "why"),
    [
        ("keywords:frequency", FREQUENCY, {"keyword": "a\\ "}, r"bad escape \(end of pattern\) at position 1 in 'a"),
        ("keywords:frequency", FREQUENCY, {"keyword": "(?a)(?u)x"}, "ASCII and UNICODE flags are incompatible;"),
        ("keywords:existence", {}, {"keywords": ["(?a)(?u)x"]}, "ASCII and UNICODE flags are incompatible;"),
        ("detectable_content:postscript", {}, {"postscript_marker": "(?P<X>a)"}, r"\?p at position 1 in '\(\?p<x>a\)'"),
        ("detectable_content:postscript", {}, {"postscript_marker": "a\\ "}, r"bad escape \(end of pattern\)"),
        ("detectable_content:postscript", {}, {"postscript_marker": "\\L"}, r"bad escape \\L at position 0;"),
        ("keywords:existence", {}, {"keywords": ["(?P<" + "a-" * 40_000 + ">x)"]}, "bad character in group name 'a-a-"),
        ("keywords:existence", {}, {"keywords": ["(?<\n"]}, r"unknown extension \?<\\n at position 1"),
    ],
)
def test_patterns_that_are_invalid_by_themselves_or_as_they_are_searched_for(tmp_path, name, kwargs, key, why):
    with pytest.raises(RecordError, match=rf"p.jsonl, line 2 \(key 7\): {name}: '{next(iter(key))}' .*{why}") as raised:
        read_prompts(rows(tmp_path, name, kwargs | key))
    message = str(raised.value)
    assert "is used as a regular expression and is not a valid one" in message
    assert message.isprintable()
    assert len(message) < 1500


@pytest.mark.parametrize(
    ("name", "kwargs", "key", "value", "response"),
    [
        ("keywords:frequency", FREQUENCY, "keyword", "(a\\ ", "so (A\\ is it"),
        ("keywords:existence", {}, "keywords", ["(a\\ "], "so (A\\ is it"),
        ("detectable_content:postscript", {}, "postscript_marker", "(?P<X>a) ", "so (?p<x>A)"),
        ("detectable_format:multiple_sections", {"num_sections": 1}, "section_spliter", "(a\\ ", "(a\\ 1"),
    ],
)
def test_what_the_message_says_to_write_means_the_text_itself(name, kwargs, key, value, response):
    with pytest.raises(InstructionError) as raised:
        build(name, kwargs | {key: value})
    literal = ast.literal_eval(re.search(r"; write (.*) to mean the text itself", str(raised.value))[1])
    assert build(name, kwargs | {key: [literal] if isinstance(value, list) else literal}).check(response)


def test_a_pattern_is_taken_that_is_valid_only_with_the_number_after_it():
    sections = build("detectable_format:multiple_sections", {"section_spliter": "a\\ ", "num_sections": 1})
    assert sections.check("a\\s1")
    assert not sections.check("a 1")


@pytest.mark.parametrize(
    ("name", "kwargs", "told"),
    [
        ("keywords:frequency", {"keyword": "(a+)+$", **FREQUENCY}, "'(a+)+$'"),
        ("keywords:existence", {"keywords": ["(a+)+$"]}, "'(a+)+$'"),
        ("detectable_content:postscript", {"postscript_marker": "(a+)+$"}, "'(a+)+$'"),
        ("detectable_format:multiple_sections", {"section_spliter": "(a+)+$", "num_sections": 1}, "'(a+)+$'"),
    ],
)
def test_a_pattern_that_takes_too_long_is_named_with_its_line(tmp_path, monkeypatch, capsys, name, kwargs, told):
    monkeypatch.setattr(patterns, "LIMIT_S", 0.5)
    prompts, responses = rows(tmp_path, name, kwargs), tmp_path / "r.jsonl"
    responses.write_text(json.dumps({"key": 7, "response": "a" * 44 + "b"}))
    assert main(["score", "--prompts", str(prompts), "--responses", str(responses)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"error: {prompts}, line 2 (key 7): the pattern {told} takes over 0.5 s")
    assert "escape its special characters or simplify it" in said


def test_a_prompt_that_is_from_no_file_is_named_by_its_key(tmp_path, monkeypatch):
    monkeypatch.setattr(patterns, "LIMIT_S", 0.2)
    prompt = Prompt("x\n" * 500, "p", [build("keywords:existence", {"keywords": ["(a+)+$"]})])
    with pytest.raises(InstructionError, match=r"^prompt 'x\\nx.*\.\.\.: the pattern") as raised:
        judge_all([prompt], {prompt.key: "a" * 44 + "b"})
    assert len(str(raised.value)) < 500
    read, same = (read_prompts(rows(tmp_path, "punctuation:no_comma", {}))[0] for _ in range(2))
    assert read.where == f"{tmp_path / 'p.jsonl'}, line 2 (key 7)"
    assert Prompt(read.key, read.prompt, same.instructions, "") == same
