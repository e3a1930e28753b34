"""Rows that carry instructions already keep them, and get no others."""

import json

import pytest

from tuning.config.own_keys import Instructions
from tuning.core.errors import UserError
from tuning.data import conversations, instruction_rows
from tuning.data.rows import Counts, Row
from tuning.model.chat_template import Tokens

ASKED = {
    "instruction_id_list": ["length_constraints:number_words"],
    "kwargs": [{"num_words": 3, "relation": "at least"}],
}
ALPACA = {"instruction": "Name three rivers.", "input": "", "output": "Elbe, Tay, Po"}


def read(tmp_path, *rows, name="rows.jsonl"):
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return [conversation for _, conversation in conversations.read(str(path))]


@pytest.mark.parametrize(
    "asked",
    [
        ASKED,
        {"instruction_id_list": ASKED["instruction_id_list"], "kwargs": json.dumps(ASKED["kwargs"])},
        ASKED | {"kwargs": [{"num_words": 3, "relation": "at least", "keyword": None}]},
        {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [None]} | {"output": "Elbe and Tay and Po"},
    ],
)
def test_the_types_of_a_row_are_read(tmp_path, asked):
    [row] = read(tmp_path, ALPACA | asked)
    assert row.types == tuple(asked["instruction_id_list"])
    assert row.prompt[-1]["content"] == "Name three rivers."


@pytest.mark.parametrize("kwargs", [{"kwargs": [float("nan")]}, {"kwargs": float("nan")}, {"kwargs": None}, {}])
def test_padding_in_the_place_of_kwargs_is_none(tmp_path, kwargs):
    [row] = read(tmp_path, ALPACA | {"instruction_id_list": ["punctuation:no_comma"], "output": "Elbe"} | kwargs)
    assert row.types == ("punctuation:no_comma",)
    with pytest.raises(UserError, match="line 1: instruction 'length_constraints:number_words': .* is missing"):
        read(tmp_path, ALPACA | {"instruction_id_list": ASKED["instruction_id_list"]} | kwargs)


def test_cells_without_instructions(tmp_path):
    lines = ["instruction,output,instruction_id_list,kwargs"]
    lines += [f"Name {number}.,It is one,{cell},{cell}" for number, cell in enumerate(("", " ", "null", "NaN"))]
    lines.append("""Name more.,Elbe,"['punctuation:no_comma']",""")
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    found = [conversation.types for _, conversation in conversations.read(str(tmp_path / "rows.csv"))]
    assert found == [(), (), (), (), ("punctuation:no_comma",)]


@pytest.mark.parametrize(
    "asked", [{}, {"instruction_id_list": None, "kwargs": None}, {"instruction_id_list": float("nan")}]
)
def test_rows_without_them_have_none(tmp_path, asked):
    assert read(tmp_path, ALPACA | asked)[0].types == ()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            ASKED | {"output": "Elbe, Tay"},
            "its answer does not follow its instruction 'length_constraints:number_words'",
        ),
        (ASKED | {"kwargs": []}, "must be lists of the same length"),
        (ASKED | {"instruction_id_list": [["x"]]}, "instruction ['x']"),
        (ASKED | {"kwargs": 7}, "must be lists of the same length"),
        (ASKED | {"instruction_id_list": ["length:words"]}, "length:words"),
        (ASKED | {"kwargs": [{"num_words": "many", "relation": "at least"}]}, "num_words"),
        (ASKED | {"kwargs": ["num_words"]}, "number_words"),
    ],
)
def test_what_cannot_be_right_is_said_with_its_line(tmp_path, asked, words):
    with pytest.raises(UserError, match="rows.jsonl, line 2") as found:
        read(tmp_path, ALPACA, ALPACA | asked)
    assert words in str(found.value)


def test_no_other_instruction_is_added_to_them():
    section = Instructions(
        fraction=1.0, variants=2, per_row=[1.0], max_words=None, short=0.0, keep_untouched=False, types="all"
    )
    completion = [{"role": "assistant", "content": "The Elbe is a river in the north."}]
    rows = [
        Row(str(number), [{"role": "user", "content": "Name a river."}], completion, Tokens([], []), types)
        for number, types in enumerate([("punctuation:no_comma",), ()])
    ]
    types = instruction_rows.chosen_types("all")
    treated = list(instruction_rows.treat_all(rows, types, section, 0, Counts()))
    assert [result for row, result in treated if row.types] == [None]
    assert all(result.types for row, result in treated if not row.types)
