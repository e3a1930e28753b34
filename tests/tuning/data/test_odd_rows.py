"""Rows as other tools leave them: half-filled columns, cells under no header, marks in the middle, unmapped columns."""

import gzip
import json

import pytest

from tests.tuning.data.reading import said
from tests.tuning.data.test_data_files import read
from tuning.core.errors import UserError
from tuning.data import conversations

ROWS = [{"prompt": "Why?", "response": "So."}, {"prompt": "How?", "response": "Thus."}]
SAID = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]


def test_turns_of_two_schemas_in_one_typed_column(tmp_path):
    """Typed columns give each turn the keys of all turns, empty where they are another's."""
    from datasets import Dataset

    turns = [{"from": "human", "value": "Why?"}, {"role": "assistant", "content": "So."}]
    keys = ("role", "content", "from", "value")
    rows = [{"messages": [{key: turn.get(key) for key in keys} for turn in turns]}]
    Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "rows.jsonl").write_text(json.dumps(rows[0]))
    for name in ("rows.parquet", "rows.jsonl"):
        assert said(tmp_path / name) == [SAID]


def test_turns_whose_content_is_named_text(tmp_path):
    turns = [{"role": "prompter", "text": "Why?"}, {"role": "assistant", "text": [{"type": "text", "text": "So."}]}]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"messages": turns}))
    assert said(tmp_path / "rows.jsonl") == [SAID]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"messages": [turns[0], {"role": "assistant", "text": {"x": 1}}]}))
    with pytest.raises(UserError, match="line 1: 'text' must hold text, not dict"):
        said(tmp_path / "rows.jsonl")


def test_a_row_alone_whose_request_is_in_parts(tmp_path):
    row = {"prompt": [{"type": "text", "text": "Why?"}], "response": "So."}
    (tmp_path / "rows.json").write_text(json.dumps(row, indent=1))
    assert said(tmp_path / "rows.json") == [SAID]


@pytest.mark.parametrize("whole", [{"data": {"rows": ROWS}}, {"version": 2, "result": {"page": 1, "items": ROWS}}])
def test_rows_deep_inside_one_object(tmp_path, whole):
    (tmp_path / "rows.json").write_text(json.dumps(whole))
    assert read(tmp_path / "rows.json") == ROWS


@pytest.mark.parametrize(
    "more",
    [
        {"type": "open_qa"},
        {"from": "wikipedia"},
        {"role": "pirate"},
        {"type": "text"},
        {"type": "image", "from": "a@b.c", "text": "x"},
        {"role": "pirate", "content": "x"},
    ],
)
@pytest.mark.parametrize("columns", [("instruction", "output"), ("prompt", "response")])
def test_rows_inside_one_object_with_columns_named_as_a_turn_s_keys(tmp_path, more, columns):
    rows = [more | dict(zip(columns, each.values(), strict=True)) for each in ROWS]
    (tmp_path / "rows.json").write_text(json.dumps({"version": 1, "data": rows}, indent=1))
    assert read(tmp_path / "rows.json") == rows
    questions = [{"question": row["prompt"], "answer": row["response"], "type": "open_qa", "role": "x"} for row in ROWS]
    (tmp_path / "rows.json").write_text(json.dumps({"data": questions}))
    assert read(tmp_path / "rows.json") == questions


@pytest.mark.parametrize(
    "turns",
    [
        SAID,
        [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}],
        [{"role": "user", "text": "Why?"}, {"role": "assistant"}],
        [{"role": "assistant", "tool_calls": []}],
        [{"type": "text", "text": "Why?"}, {"type": "image"}, {"type": "image_url", "image_url": {"url": "x"}}],
        [{"type": "input_text", "text": "Why?"}],
        [{"type": "function", "function": {"name": "x"}}],
    ],
)
def test_turns_and_parts_inside_one_object_make_a_row(tmp_path, turns):
    row = {"id": "1", "dialog": turns}
    (tmp_path / "rows.json").write_text(json.dumps(row))
    assert read(tmp_path / "rows.json") == [row]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize("said", ["", "sep=;"])
def test_any_ends_of_lines_and_blank_headers_of_a_spreadsheet(tmp_path, end, said):
    lines = [*([said] if said else []), ";prompt;response;;", "0;Why, then?;So.;;", "1;How?;Thus.;;", ""]
    (tmp_path / "rows.csv").write_text(end.join(lines), newline="")
    assert read(tmp_path / "rows.csv") == [{**ROWS[0], "prompt": "Why, then?"}, ROWS[1]]


def test_marks_of_files_that_were_put_together(tmp_path):
    lines = [f"\ufeff{json.dumps(row)}\n".encode() for row in ROWS]
    for content in (
        b"".join(lines),
        b"\xef\xbb\xbf" + b"".join(lines),
        gzip.compress(lines[0]) + gzip.compress(lines[1]),
    ):
        (tmp_path / "rows.jsonl").write_bytes(content)
        assert read(tmp_path / "rows.jsonl") == ROWS


def test_half_a_pair_of_surrogates_in_utf_16(tmp_path):
    text = json.dumps({"prompt": "cut \ud83d here", "response": "\ud83d\ude00"}, ensure_ascii=False)
    for name, content in (("rows.jsonl", f"{text}\n{text}"), ("rows.json", f"[{text}]")):
        (tmp_path / name).write_bytes(content.encode("utf-16", "surrogatepass"))
        assert read(tmp_path / name)[0] == {"prompt": "cut \ufffd here", "response": "\U0001f600"}


@pytest.mark.parametrize("at", [0, 1, 2])
def test_zeros_that_a_full_disk_has_left_are_one_bad_line(tmp_path, at):
    lines = [json.dumps(row) for row in ROWS]
    lines.insert(at, "\0" * 37)
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    with pytest.raises(UserError, match=rf"rows\.jsonl, line {at + 1}: not JSON.*'data.on_error: drop' goes on"):
        said(tmp_path / "rows.jsonl")
    dropped = []
    found = conversations.read(str(tmp_path / "rows.jsonl"), stops=False, drop=lambda reason, _: dropped.append(reason))
    assert sum(conversation is not None for _, conversation in found) == 2
    assert dropped == ["not_json"]


def test_mapped_columns_leave_the_others_that_a_schema_may_have(tmp_path, capsys):
    row = {
        "system": "Be kind.",
        "history": "[['Hi', 'Ho']]",
        "question": "Why?",
        "answer": "So.",
        "prompt": "x",
        "id": 1,
    }
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    ((first, *turns, last),) = said(tmp_path / "rows.jsonl", {"prompt": "question", "response": "answer"})
    assert first == {"role": "system", "content": "Be kind."}
    assert [turn["content"] for turn in (*turns, last)] == ["Hi", "Ho", "Why?", "So."]
    assert "columns that are not used: prompt, id" in capsys.readouterr().out


def test_an_input_beside_a_prompt_is_named_as_unused(tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text(json.dumps({**ROWS[0], "input": "The text."}))
    assert said(tmp_path / "rows.jsonl") == [SAID]
    assert "columns that are not used: input" in capsys.readouterr().out


def test_a_history_that_is_no_list_of_pairs(tmp_path):
    for history in ("Hi and Ho", "[1]", "[[1]", [["Hi"]], {"Hi": "Ho"}):
        (tmp_path / "rows.jsonl").write_text(json.dumps({**ROWS[0], "history": history}))
        with pytest.raises(UserError, match="line 1: 'history' must hold pairs of request and answer"):
            said(tmp_path / "rows.jsonl")
    for empty in ("", "[]", None, []):
        (tmp_path / "rows.jsonl").write_text(json.dumps({**ROWS[0], "history": empty}))
        assert said(tmp_path / "rows.jsonl") == [SAID]


@pytest.mark.parametrize("padding", [None, float("nan")])
@pytest.mark.parametrize("column", ["input", "system", "history", "instruction_id_list"])
def test_padding_in_a_column_that_need_not_be_there(tmp_path, column, padding):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"instruction": "Why?", "output": "So.", column: padding}))
    assert said(tmp_path / "rows.jsonl") == [SAID]


def test_padding_in_a_turn(tmp_path):
    nan = float("nan")
    turns = [
        {"role": nan, "from": "human", "content": nan, "value": "Why?", "tool_calls": nan},
        SAID[1] | {"from": nan, "function_call": None},
    ]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"messages": turns}))
    assert said(tmp_path / "rows.jsonl") == [SAID]


def test_single_turns_in_columns(tmp_path):
    """Alone in a file, such a row looks like columns."""
    row = json.dumps({"prompt": SAID[0], "completion": SAID[1]})
    for text, count in ((row, 1), (f"{row}\n{row}", 2)):
        (tmp_path / "rows.jsonl").write_text(text)
        assert said(tmp_path / "rows.jsonl") == [SAID] * count


def test_preferences_without_a_prompt(tmp_path):
    row = {"chosen": SAID, "rejected": [SAID[0], {"role": "assistant", "content": "No."}]}
    (tmp_path / "rows.jsonl").write_text("\n".join([json.dumps(row)] * 2))
    assert said(tmp_path / "rows.jsonl") == [SAID] * 2
    (tmp_path / "rows.jsonl").write_text(json.dumps(row | {"instruction": "What?", "output": "That."}))
    assert [turn["content"] for turn in said(tmp_path / "rows.jsonl")[0]] == ["What?", "That."]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"chosen": "Human: a", "rejected": "Human: b"}))
    with pytest.raises(UserError, match="'chosen' is text and no list of messages, .*: divide such texts"):
        said(tmp_path / "rows.jsonl")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [("question", "answer"), ("instruction", "response"), ("Prompt", "Output"), ("input", "target")],
)
def test_a_mapping_of_columns_is_proposed(tmp_path, request_, answer):
    (tmp_path / "rows.csv").write_text(f"id,{request_},{answer}\n1,Why?,So.\n")
    with pytest.raises(UserError, match=rf"can map .*: {{prompt: {request_}, completion: {answer}}}$"):
        said(tmp_path / "rows.csv")
    found = said(tmp_path / "rows.csv", {"prompt": request_, "completion": answer})
    assert found == [SAID]
