"""Which schema the rows of a data set have, where columns of several are there, and where a row has no request."""

import json

import pytest

from tests.tuning.data.reading import said
from tuning.core.errors import UserError
from tuning.data import conversations

ASKED, ANSWERED = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}
SAID = [ASKED, ANSWERED]
OTHER = [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "Thus."}]


@pytest.fixture
def read(tmp_path):
    def read(*rows, columns=None):
        (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return said(tmp_path / "rows.jsonl", columns)

    return read


@pytest.mark.parametrize("answer", ["So.", ANSWERED, [ANSWERED], SAID])
@pytest.mark.parametrize("column", ["completion", "response", "chosen"])
@pytest.mark.parametrize("turns", ["messages", "conversations"])
def test_turns_that_end_with_the_user_are_answered_by_another_column(read, turns, column, answer):
    assert read({turns: [*OTHER, ASKED], column: answer, "rejected": "No."}) == [[*OTHER, *SAID]]
    assert read({turns: [ASKED], column: answer}) == [SAID]
    assert read({turns: OTHER, column: answer}) == [OTHER]
    assert read({turns: [*OTHER, ASKED], column: None}) == [OTHER]


@pytest.mark.parametrize("column", ["completion", "response", "chosen"])
def test_an_answer_may_repeat_its_request(read, column):
    assert read({"prompt": "Why?", column: SAID}) == [SAID]
    system = {"role": "system", "content": "Be kind."}
    assert read({"prompt": "Why?", column: [system, *SAID]}) == [[system, *SAID]]
    with pytest.raises(UserError, match=f"line 1: '{column}' holds no turn of the assistant"):
        read({"prompt": "Why?", column: [ASKED]})


@pytest.mark.parametrize(
    ("others", "columns"),
    [
        ({"messages": OTHER}, {"prompt": "question", "completion": "answer"}),
        ({"prompt": "How?", "response": "Thus."}, {"instruction": "question", "output": "answer"}),
        ({"prompt": "Why?", "completion": "No."}, {"chosen": "answer"}),
    ],
)
def test_mapped_columns_are_used_whatever_else_is_there(read, capsys, others, columns):
    assert read({**others, "question": "Why?", "answer": "So."}, columns=columns) == [SAID]
    unused = {*others, "question"} - {"prompt"} if columns == {"chosen": "answer"} else set(others)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "not used" in line]
    assert set(line.split(": ")[-1].split(", ")) == unused


def test_mapped_columns_that_no_schema_takes(read):
    row = {"question": "Why?", "answer": "So."}
    with pytest.raises(UserError, match="line 1: 'data.columns' maps input, which .* completion, does not use"):
        read({**row, "more": "x"}, columns={"prompt": "question", "completion": "answer", "input": "more"})


def test_an_optional_column_that_is_mapped_may_be_missing_later(read):
    rows = [{"instruction": "Why?", "context": "It is.", "response": "So."}, {"instruction": "Why?", "response": "So."}]
    first, second = read(*rows, columns={"input": "context", "output": "response"})
    assert first[0]["content"] == "Why?\n\nIt is."
    assert second == SAID
    with pytest.raises(UserError, match="line 2: 'data.columns' names 'response', but the columns .* are context"):
        read(rows[0], {"context": "x", "instruction": "Why?"}, columns={"input": "context", "output": "response"})


def test_rows_of_two_schemas_in_one_table(read):
    rows = [
        {"messages": SAID, "instruction": None, "output": None},
        {"messages": None, "instruction": "How?", "output": "Thus."},
    ]
    assert read(*rows) == [SAID, OTHER]
    assert read(*rows[::-1]) == [OTHER, SAID]


@pytest.mark.parametrize("first", [True, False])
def test_blank_cells_are_empty_columns(tmp_path, first):
    rows = ["Why?,So.,", f',,"{json.dumps(OTHER).replace(chr(34), 2 * chr(34))}"']
    lines = ["instruction,output,messages", *(rows if first else rows[::-1])]
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    assert said(tmp_path / "rows.csv") == ([SAID, OTHER] if first else [OTHER, SAID])


def test_a_blank_answer_gives_way_to_one_in_another_column(read):
    assert read({"messages": [ASKED], "completion": " ", "response": "So."}) == [SAID]


def test_a_row_of_another_schema_beside_mapped_columns(read):
    columns = {"instruction": "question", "input": "context", "output": "answer"}
    rows = [{"question": "Why?", "context": "", "answer": "So."}, {"messages": OTHER}]
    assert read(*rows, columns=columns) == [SAID, OTHER]
    assert read(rows[0], {"question": "Why?", "input": "x", "answer": "So."}, columns=columns) == [SAID, SAID]


def test_an_answer_that_is_not_needed_is_named_as_unused(read, capsys):
    assert read({"messages": SAID, "chosen": "No."}) == [SAID]
    assert "columns that are not used: chosen" in capsys.readouterr().out
    read({"messages": [ASKED], "chosen": "So."})
    assert "not used" not in capsys.readouterr().out


@pytest.mark.parametrize("turns", [[ASKED, ANSWERED, ANSWERED], [{"role": "system", "content": "x"}, ANSWERED]])
def test_an_answer_to_no_request_is_no_empty_row(read, turns):
    with pytest.raises(UserError, match="line 1: the last answer follows a turn of the .*on_error"):
        read({"messages": turns})


@pytest.mark.parametrize("none", ["<noinput>", "Noinput", "No input", " "])
def test_an_input_that_says_there_is_none(read, none):
    assert read({"instruction": "Why?", "input": none, "output": "So."}) == [SAID]


def test_the_answer_is_not_cut_where_a_spreadsheet_leaves_headers_blank(tmp_path):
    for header, row in (("prompt,completion,", "Why?,Well, so"), ("prompt,completion,,,", "Why?,Red, green, and blue")):
        (tmp_path / "rows.csv").write_text(f"{header}\n{row}\n")
        with pytest.raises(UserError, match=r"line 2: \d cells, but the header has 2"):
            said(tmp_path / "rows.csv")
    (tmp_path / "rows.csv").write_text("prompt,completion,,\nWhy?,So.,,\n")
    assert said(tmp_path / "rows.csv") == [SAID]


JUDGED = [("Bad.", False), ("So.", True), ("Awful.", False)]  # as TRL's unpaired preferences have them


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
@pytest.mark.parametrize("stops", [True, False])
def test_a_completion_that_is_labelled_false_is_not_learnt(tmp_path, capsys, kind, stops):
    from datasets import Dataset

    path, dropped = tmp_path / f"rows.{kind}", []
    rows = [{"prompt": "Why?", "completion": answer, "label": label} for answer, label in JUDGED]
    if kind == "parquet":
        Dataset.from_list(rows).to_parquet(path)
    elif kind == "csv":
        path.write_text("prompt,completion,label\n" + "".join(f"Why?,{each[0]},{each[1]!s}\n" for each in JUDGED))
    else:
        path.write_text(json.dumps(rows) if kind == "json" else "\n".join(map(json.dumps, rows)))
    found = conversations.read(str(path), stops=stops, drop=lambda reason, said: dropped.append((reason, said)))
    assert [each and each.completion for _, each in found] == [None, [ANSWERED], None]
    assert [reason for reason, _ in dropped] == ["labelled_false"] * 2
    assert dropped[0][1].endswith(": its label says that its completion is not to be learnt")
    assert "not used" not in capsys.readouterr().out


@pytest.mark.parametrize("label", ["FALSE", " false ", False])
def test_a_false_label_in_any_writing(read, label):
    labelled = [{"prompt": SAID[:1], "completion": SAID[1:], "label": each} for each in (True, label)]
    assert read(*labelled) == [SAID, None]
    good = [{"ask": "Why?", "say": "So.", "good": each} for each in (True, label)]
    assert read(*good, columns={"prompt": "ask", "completion": "say", "label": "good"}) == [SAID, None]
    with pytest.raises(UserError, match="no row can be used; the first: .*line 1: its label says"):
        read(labelled[1])


@pytest.mark.parametrize("label", [0, 1, "0", "no", None, 0.0])
def test_a_label_that_is_a_class_says_nothing(read, capsys, label):
    assert read({"prompt": "Why?", "completion": "So.", "label": label}) == [SAID]
    assert "columns that are not used: label" in capsys.readouterr().out
    assert read({"messages": SAID, "label": False}, {"messages": SAID, "label": False}) == [SAID, SAID]


def test_a_label_beside_other_columns_may_say_something_else(read, capsys):
    claim = {"claim": "Why?", "verdict": "So.", "label": False}
    assert read(claim, columns={"prompt": "claim", "completion": "verdict"}) == [SAID]
    assert "columns that are not used: label" in capsys.readouterr().out
