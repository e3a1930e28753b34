"""Whatever a file holds, what is said of it is one line of bounded length that says what to do."""

import io
import json
import sys

import pytest

from ifeval import InstructionError, RecordError, build, cli, read_prompts, read_responses
from ifeval.jsonl import read_lines
from ifeval.parameters import listed, one_line, shown

ROW = {"key": 1, "prompt": "Say hi.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
LONG = "two\nlines " * 10_000


def message(read, *arguments):
    with pytest.raises((RecordError, InstructionError)) as raised:
        read(*arguments)
    said = str(raised.value)
    assert said.isprintable()
    assert len(said) < 1500
    return said


def written(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ROW | {"key": LONG}] * 2, "the key 'two\\nlines"),
        ([ROW | {"key": 1e308}] * 2, "the key 1000"),
        ([ROW | {"kwargs": LONG}], "'kwargs' must be a list, not 'two\\nlines"),
        ([ROW | {"key": [LONG]}], "'key' must be a whole number or a string, not ['two"),
        ([ROW | {"key": True}], "'key' must be a whole number or a string, not true"),
        ([ROW | {"prompt": 7}], "'prompt' must be a string, not 7"),
        ([ROW | {"instruction_id_list": None}], "'instruction_id_list' must be a list, not null"),
        ([ROW | {"instruction_id_list": [[LONG]]}], "'instruction_id_list' holds ['two"),
        ([ROW | {"instruction_id_list": [LONG]}], "unknown instruction id 'two"),
        ([ROW | {"kwargs": [LONG]}], "kwargs must be an object, not 'two"),
        ([ROW | {"kwargs": [{LONG: 1}]}], "unknown key 'two"),
        ([ROW | {"key": "k" * 999, "instruction_id_list": ["x"]}], "kkk...): unknown instruction id 'x'"),
    ],
)
def test_prompts(tmp_path, rows, words):
    assert words in message(read_prompts, written(tmp_path / "p.jsonl", *rows))


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("startend:end_checker", {"end_phrase": LONG + '"'}),
        ("length_constraints:nth_paragraph_first_word", {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": LONG}),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 10**999, "nth_paragraph": 10**1000, "first_word": "a"},
        ),
    ],
)
def test_kwargs(name, kwargs):
    message(build, name, kwargs)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"key": LONG, "response": "a"}], "no prompt has the key 'two\\nlines"),
        ([{"key": "k" * 999, "prompt": "x", "response": "a"}], "the prompt of key 'kkk"),
        ([{"key": "k" * 999, "response": "a"}] * 2, "already has a response in line 1"),
        ([{"prompt": LONG, "response": "a"}], "the prompt 'two\\nlines"),
        ([{LONG: 1, **{str(number): 1 for number in range(999)}}], "1, 2, 3, 4, 5, 6, ..."),
        ([{}], "'response' is missing; rows need response and key or prompt, and this one has nothing"),
        ([], "no response to 1 of 1 prompts (keys 'kkk"),
        (
            [{"doc_id": 0, "doc": {"key": 1}, "resps": [["a"]], "filtered_resps": ["a"]}],
            "take filtered_resps[0] as response and doc.key as key",
        ),
    ],
)
def test_responses(tmp_path, rows, words):
    prompts = read_prompts(written(tmp_path / "p.jsonl", ROW | {"key": "k" * 999}))
    assert words in message(read_responses, written(tmp_path / "r.jsonl", *rows), prompts)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"key": "a', "line 1: not JSON (Unterminated string starting at, column 9); one object a line is expected"),
        (json.dumps([ROW]).encode(), "line 1: not a JSON object but an array; one object a line is expected"),
        (json.dumps([ROW], indent=1).encode(), "line 1: not JSON (Expecting value, column 2); one object a line is"),
        (json.dumps(ROW, indent=1).encode(), "column 2); one object a line is expected"),
        (b"null", "not a JSON object but null; one object"),
        (b"NaN", "not a JSON object but NaN; one object"),
        (b"-Infinity", "not a JSON object but an infinite number; one object"),
        (b'"a"', "not a JSON object but a string; one object"),
        (b"1.5", "not a JSON object but a number; one object"),
        pytest.param(b"[" * 100_000, "line 1: not JSON (", id="deep"),
        (json.dumps(ROW).encode("utf-16"), "line 1: not UTF-8 (invalid start byte); save it as UTF-8"),
        (json.dumps(ROW).encode("utf-16-le"), "column 2); save it as UTF-8"),
        ('{"key": "é"}'.encode("latin-1"), "line 1: not UTF-8 (invalid continuation byte); save it as UTF-8"),
        (b"PK\x03\x04\n\xff", "p.jsonl: not UTF-8 but a zip archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd\n\xff", "p.jsonl: not UTF-8 but packed by zstd; unpack it first"),
        (b"PAR1\x15\x04\n\xff", "p.jsonl: not UTF-8 but a Parquet file; write its rows as JSON lines first"),
    ],
)
def test_files_that_are_no_json_lines(tmp_path, content, words):
    (tmp_path / "p.jsonl").write_bytes(content)
    assert words in message(read_prompts, tmp_path / "p.jsonl")


def test_a_path_with_a_line_break(tmp_path):
    path = tmp_path / "two\nlines.jsonl"
    assert message(read_prompts, path).endswith("two\\nlines.jsonl: there is no such file")
    for content, words in (
        (b"", "lines.jsonl: no prompts in it"),
        (b"{", "two\\nlines.jsonl, line 1: not JSON"),
        (b'{"key": 1}', "two\\nlines.jsonl, line 1: 'prompt' is missing"),
        (b"\x1f\x8bxx", "two\\nlines.jsonl: cannot be read"),
    ):
        path.write_bytes(content)
        assert words in message(read_prompts, path)
    assert message(read_prompts, tmp_path).endswith(": cannot be read (Is a directory)")
    assert "cannot be read (File name too long)" in message(lambda: list(read_lines("x" * 300)))


def test_standard_input_is_called_so(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n\n{")))
    assert message(read_prompts, "-").startswith("standard input, line 3: not JSON")
    assert message(read_prompts, "-") == "standard input: no prompts in it"


def test_kwargs_on_the_command_line(capsys):
    assert cli.main(["check", "--id", "punctuation:no_comma", "--kwargs", LONG, "--response", "a"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: --kwargs is not JSON (Expecting value: line 1 column 1 (char 0)): 'two\\nlines")
    assert len(said.splitlines()) == 1
    assert len(said) < 500


def test_values_of_any_size():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == "a value of type list that is too large to show"
    assert shown(10**9999) == "a value of type int that is too large to show"
    assert shown("a" * 300) == "'" + "a" * 199 + "..."
    assert one_line("a\u2028b é\ud800") == "a\\u2028b é\\ud800"
    assert one_line("a" * 200) == "a" * 200
    assert one_line("a" * 201) == "a" * 200 + "..."
    assert listed(["a", "b\n", 3, "c" * 300]).startswith("a, 'b\\n', 3, 'ccc")
    assert listed("abc", most=2) == "a, b, ..."
    assert listed([]) == ""
