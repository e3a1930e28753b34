"""Rows come as they were written, whatever kind of file holds them, and errors name the line."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.core.errors import UserError
from tuning.data import data_files, json_files
from tuning.data.rows import RowError

ROWS = [{"prompt": f"What is {number}?", "response": f"0{number}0 – ünï, \u2028 \U0001f600"} for number in range(3)]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")).filter(str.strip)


def read(path):
    return [row for _, row in data_files.read(str(path))]


def texts(kind):
    """The rows in the ways in which a file of a kind may hold them."""
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    columns = {name: [row[name] for row in ROWS] for name in ROWS[0]}
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, ROWS[0], delimiter="\t" if kind == "tsv" else ",")
    writer.writeheader()
    writer.writerows(ROWS)
    if kind in ("csv", "tsv"):
        return [table.getvalue(), "\r\n" + table.getvalue().replace("\n", "\n\r\n")]
    numbers = [str(number) for number in range(3)]
    indented = [json.dumps(row, indent=1) for row in ROWS]
    return [
        "\n".join(lines),
        "\r\n\n" + "\r\n".join(lines) + "\r\n\r\n",
        "\n".join(indented),
        json.dumps(ROWS),
        " \n\n" + json.dumps(ROWS, indent=1) + "\n\n",
        json.dumps({"version": 1, "licence": "none", "data": ROWS}),
        json.dumps({"train": ROWS, "test": ROWS[:1]}, indent=2),
        json.dumps(columns),
        json.dumps({name: dict(zip(numbers, cells, strict=True)) for name, cells in columns.items()}),
        json.dumps(dict(zip(numbers, ROWS, strict=True))),
        json.dumps({"columns": list(columns), "index": [0, 1, 2], "data": [list(row.values()) for row in ROWS]}),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("kind", ["jsonl", "json", "ndjson", "csv", "tsv"])
def test_every_way_in_which_a_file_holds_rows(tmp_path, kind, encoding):
    for text in texts(kind):
        if text[0] in "\r\n " and encoding in ("utf-16-le", "utf-16-be"):
            text = text.lstrip()
        path = tmp_path / f"rows.{kind}"
        path.write_bytes(text.encode(encoding))
        assert read(path) == ROWS, text
        packed = tmp_path / f"rows.{kind}.gz"
        packed.write_bytes(gzip.compress(text.encode(encoding)))
        assert read(packed) == ROWS


def test_a_row_alone_is_a_row(tmp_path):
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    for row in (
        {"messages": turns},
        {"messages": turns, "tools": [{"type": "function"}]},
        {"conversations": ["a", "b"]},
        {"prompt": turns[:1], "completion": turns[1:]},
        {"instruction": "a", "output": "b", "sources": [{"page": "1"}]},
        {"messages": []},
    ):
        (tmp_path / "rows.json").write_text(json.dumps(row))
        assert read(tmp_path / "rows.json") == [row]


@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b": TEXTS}), min_size=1))
def test_arrays_and_lines_hold_the_same_rows(rows):
    """A differential test of the two ways, and of the standard library's."""
    decoder = json.JSONDecoder()
    array = [row for _, row in json_files.rows("x", json.dumps(rows, indent=1).encode(), decoder, False)]
    lines = "\n".join(map(json.dumps, rows)).encode()
    assert array == [row for _, row in json_files.rows("x", lines, decoder, True)] == rows


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1))
def test_cells_keep_their_characters(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("request", "answer"), *cells])
    assert [tuple(row.values()) for row in read(path)] == cells


@pytest.mark.parametrize(
    "word", ["007", "12", "1.50", "1e5", "true", "None", "NaN", "N/A", "2024-01-02", "-0", "1_000"]
)
def test_words_that_look_like_something_else(tmp_path, word):
    (tmp_path / "rows.csv").write_text(f"request,answer\nx,{word}\ny,\n")
    assert read(tmp_path / "rows.csv")[0]["answer"] == word


@pytest.mark.parametrize("number", ["12", "1.50", "-0", "1e+20", "0.10", "9" * 5000, "true", "false"])
def test_numbers_in_json_keep_their_characters(tmp_path, number):
    for name, text in (("rows.jsonl", '{"a": %s}'), ("rows.json", '[{"a": %s}, {"a": "x"}]')):
        (tmp_path / name).write_text(text % number)
        assert read(tmp_path / name)[0]["a"] == number


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", b'[{"a": "b"},\n\n{"a" "b"}]', "line 3: not JSON .*Expecting ':'"),
        ("a.json", b'[{"a": "b"}\n', r"line 2: not JSON \(a comma or \]"),
        ("a.json", b'[{"a": "b"}]\n[]', "line 2: not JSON .nothing is expected"),
        ("a.json", b'{"a": 1,\n "b": \n}', "line 3: not JSON"),
        ("a.json", b'[{"a": "\xff"}]', "line 1: not UTF-8.*save the file as UTF-8"),
        ("a.csv", b"a,b\n1,2\n3,\xe9\n", "line 3: not UTF-8"),
        ("a.csv", b'a,b\n1,2\n3,"x\ny\n', "line 3: a quote that opens in this row is never closed"),
        ("a.csv", b"a,b,a\n", "'a' stands twice"),
        ("a.jsonl.gz", b"\x1f\x8b\x08 broken", "cannot be read"),
        ("a.txt", b"x", "must end with"),
        ("a.gz", b"x", "must end with"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
    ],
)
def test_files_that_cannot_be_read_are_named_with_the_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.jsonl", b'{"a": "1"}\n{"a"\n{"a": "2"}\n', "line 2"),
        ("a.jsonl", b'{"a"\n{"a": "1"}\n{"a": "2"}\n', "line 1"),
        ("a.jsonl", b'{"a": "1"}\n[1]\n{"a": "2"}\n', "line 2"),
        ("a.jsonl", b'{"a": "1"}\n"\xff"\n{"a": "2"}\n', "line 2"),
        ("a.json", b'[{"a": "1"},\n"x",\n{"a": "2"}]', "row 2 (line 2)"),
        ("a.csv", b'a,b\n1,"x\ny"\n3,4,5\n6,7\n', "line 4"),
        ("a.csv", b'a,b\n1,2\n"a "b" c",2\n6,7\n', "line 3"),
    ],
)
def test_one_broken_row_leaves_the_others(tmp_path, name, content, place):
    (tmp_path / name).write_bytes(content)
    found = list(data_files.read(str(tmp_path / name)))
    assert [where for where, row in found if isinstance(row, RowError)] == [f"{tmp_path / name}, {place}"]
    assert len(found) == 3


def test_a_column_may_be_missing_at_the_end_of_a_line_and_the_delimiter_is_the_header_s(tmp_path):
    (tmp_path / "a.csv").write_text("prompt;response\nHow, then?;Well\nWhy?\n")
    assert read(tmp_path / "a.csv") == [{"prompt": "How, then?", "response": "Well"}, {"prompt": "Why?"}]
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match=r"empty\.csv: there is no row in it"):
        read(tmp_path / "empty.csv")


PIECES = st.sampled_from(["{", "}", "[", "]", '"', ":", ",", "\n", "\r", "a", "1", "null", "\0", "\\", " ", "é"])


@given(st.binary(max_size=60) | st.lists(PIECES, max_size=40).map(lambda pieces: "".join(pieces).encode("utf-8")))
def test_whatever_stands_in_a_file_there_are_rows_or_one_error_that_names_it(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    for kind in ("jsonl", "json", "csv", "tsv", "jsonl.gz"):
        path = folder / f"rows.{kind}"
        path.write_bytes(content)
        try:
            rows = read(path)
        except UserError as raised:
            rows, message = [], str(raised)
        else:
            message = str(path)
        assert message.startswith(str(path))
        assert all(isinstance(row, (dict, RowError)) for row in rows)
