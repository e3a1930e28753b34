"""CSV files with blanks after the delimiters, and rows of several lines in which a quote is not written twice."""

import pytest

from tests.tuning.data.reading import said
from tests.tuning.data.test_data_files import read
from tuning.data import conversations, data_files
from tuning.data.rows import RowError

ROW = {"prompt": "Why, then?", "completion": "So."}
GOOD = '"Why, then?",So.\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", 'prompt, completion\n"Why, then?", "So."\n'),
        ("rows.csv", '"prompt",  "completion"\r\n"Why, then?",  So.\r\n'),
        ("rows.csv", '\nprompt; completion\n"Why, then?"; "So."\n'),
        ("rows.csv", 'sep=|\nprompt| completion\n"Why, then?"| "So."\n'),
        ("rows.tsv", 'prompt\t completion\nWhy, then?\t "So."\n'),
        ("rows.csv", 'prompt, completion,\n"Why, then?", "So.",\n'),
    ],
)
def test_blanks_after_the_delimiters_are_none_of_the_cells(tmp_path, name, text):
    (tmp_path / name).write_text(text, newline="")
    assert read(tmp_path / name) == [ROW]


def test_blanks_that_the_header_does_not_have_stay(tmp_path):
    for header in ("prompt,completion", "prompt,completion, ", '"prompt",completion'):
        (tmp_path / "rows.csv").write_text(f'{header}\nWhy?, "So" he said.\n')
        assert read(tmp_path / "rows.csv") == [{"prompt": "Why?", "completion": ' "So" he said.'}]


BROKEN = [  # rows of one prompt and one completion, and the lines at which their parts begin
    ('"Explain the "trap"\nin words please",It is a trick.\n', [3, 4]),
    ('"Explain the "trap"\nin words, please",It is a trick.\n', [3, 4]),
    ('"Explain\nthe "trap"\nin words please","It is\na trick."\n', [3, 5]),
    ('"Explain the "trap" in\r\nwords, please","It is\r\na trick."\r\n', [3, 4]),
    ('"Explain the "trap"\n\nin words please",It is a trick.\n', [3, 5]),
    ('Why?,"A "trap"\nfor mice, and rats"\n', [3, 4]),
    ('"A "trap" for mice",It is a trick.\n', [3]),
    ('"A 5" disk is",small.\n', [3]),
]


@pytest.mark.parametrize(("broken", "lines"), BROKEN)
def test_the_rest_of_a_broken_row_is_no_row(tmp_path, broken, lines):
    path = tmp_path / "rows.csv"
    path.write_text(f"prompt,completion\n{GOOD}{broken}{GOOD}", newline="")
    found = list(data_files.read(str(path)))
    assert [row for _, row in found if not isinstance(row, RowError)] == [ROW, ROW]
    wrong = [(place, row.reason) for place, row in found if isinstance(row, RowError)]
    assert wrong == [(f"{path}, line {line}", "not_csv") for line in lines]
    assert found[-1][0] == f"{path}, line {3 + broken.count(chr(10))}"
    dropped = []
    conversations_of = conversations.read(str(path), stops=False, drop=lambda reason, _: dropped.append(reason))
    assert sum(conversation is not None for _, conversation in conversations_of) == 2
    assert dropped == ["not_csv"] * len(lines)


def test_a_quote_in_a_bare_cell_after_a_broken_row_and_a_whole_one(tmp_path):
    """A bare cell may hold one quote, as 5" disks do."""
    (tmp_path / "rows.csv").write_text(f'prompt,completion\n"A 5\'7" man",x\n{GOOD}Which disk?,A 5" disk.\n')
    error, *rows = read(tmp_path / "rows.csv")
    assert isinstance(error, RowError)
    assert rows == [ROW, {"prompt": "Which disk?", "completion": 'A 5" disk.'}]


def test_rows_of_one_cell_after_a_broken_one_stay(tmp_path):
    lines = ["text", '"a "b" c" d"', "one", "two", '"three"']
    (tmp_path / "rows.csv").write_text("\n".join(lines))
    error, *rows = read(tmp_path / "rows.csv")
    assert isinstance(error, RowError)
    assert [row["text"] for row in rows] == ["one", "two", "three"]


def test_quotation_marks_are_not_learnt(tmp_path):
    (tmp_path / "rows.csv").write_text('prompt, completion\n"Why?", "So."\n')
    assert [[turn["content"] for turn in turns] for turns in said(tmp_path / "rows.csv")] == [["Why?", "So."]]
