"""Lists of turns that stand as text in the columns of prompts and answers, and text that only looks like one."""

import csv
import json

import pytest

from tests.tuning.data.reading import said

ASKED = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Why, then?"},
    {"role": "assistant", "content": "007"},
    {"role": "user", "content": "Really?"},
]
SAID = [{"role": "assistant", "content": "It's so."}]


def write(path, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@pytest.mark.parametrize("form", [json.dumps, str])
@pytest.mark.parametrize("answer", ["completion", "response", "chosen"])
def test_every_cell_is_a_list_of_turns(tmp_path, form, answer):
    shared = [turn | {"from": turn["role"], "value": turn["content"]} for turn in ASKED]
    others = [{key: turn[key] for key in ("from", "value")} for turn in shared]
    rows = [{"prompt": form(turns), answer: form(SAID)} for turns in (ASKED, others)]
    blank = {"prompt": " ", answer: form(SAID)}
    assert said(write(tmp_path / "rows.csv", blank, *rows)) == [None, ASKED + SAID, ASKED + SAID]


def test_under_names_of_one_s_own(tmp_path):
    path = write(tmp_path / "rows.csv", {"asked": json.dumps(ASKED), "said": "It's so."})
    assert said(path, {"prompt": "asked", "response": "said"}) == [ASKED + SAID]


def test_in_lines_of_json_and_typed_columns_too(tmp_path):
    from datasets import Dataset

    rows = [{"prompt": json.dumps(ASKED), "completion": json.dumps(SAID)}] * 2
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    Dataset.from_list(rows).to_parquet(tmp_path / "rows.parquet")
    for name in ("rows.jsonl", "rows.parquet"):
        assert said(str(tmp_path / name)) == [ASKED + SAID] * 2


@pytest.mark.parametrize("other", ["What is in it?", "[1, 2]", "[]", '[{"role": "user"}]', "[{", '[{"a": 1}]'])
def test_one_cell_of_something_else_makes_all_of_the_column_text(tmp_path, capsys, other):
    text = json.dumps(ASKED)
    path = write(tmp_path / "rows.csv", *({"prompt": each, "response": "x"} for each in (text, other, text)))
    assert [turns[0]["content"] for turns in said(path)] == [text, other, text]
    assert f"{path}, line 3: 'prompt' is no list of turns as it is above, so all" in capsys.readouterr().out
