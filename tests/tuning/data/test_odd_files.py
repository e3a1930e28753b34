"""Files that hold no rows, are of another kind than their name says, or divide their cells in ways of their own."""

import bz2
import gzip
import json
import lzma

import pytest

from ifeval import unpacking
from tests.tuning.data.test_data_files import ROWS, read
from tuning.core.errors import UserError
from tuning.data import conversations


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.jsonl", ""),
        ("rows.jsonl", " \n\n"),
        ("rows.json", "[]"),
        ("rows.csv", "prompt,response\n"),
        ("rows.tsv", "\n"),
        ("rows.jsonl.gz", ""),
    ],
)
def test_a_file_without_rows_is_named(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=rf"{name}: there is no row in it"):
        read(tmp_path / name)


def test_parquet_without_rows_or_packed(tmp_path):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"prompt": pyarrow.array([], pyarrow.string())}), tmp_path / "rows.parquet")
    with pytest.raises(UserError, match=r"rows.parquet: there is no row in it"):
        read(tmp_path / "rows.parquet")
    packed = tmp_path / "rows.parquet.gz"
    packed.write_bytes(gzip.compress((tmp_path / "rows.parquet").read_bytes()))
    with pytest.raises(UserError, match=r"rows.parquet.gz: a data file must end with .* or .parquet"):
        read(packed)
    (tmp_path / "rows.parquet").rename(tmp_path / "rows.jsonl")
    with pytest.raises(UserError, match=r"is a Parquet file: its name must end with .parquet"):
        read(tmp_path / "rows.jsonl")


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"PK\x03\x04", "ZIP archive or a spreadsheet"),
        (b"BZh9", "cannot be read"),
        (b"\xfd7zXZ\x00", "cannot be read"),
        (b"\x28\xb5\x2f\xfd", "packed with Zstandard"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS.*git lfs pull"),
    ],
)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.json.gz", "rows.jsonl.xz"])
def test_a_file_of_another_kind_says_what_it_is(tmp_path, name, start, words):
    (tmp_path / name).write_bytes(start + bytes(range(256)))
    with pytest.raises(UserError, match=words):
        read(tmp_path / name)


def test_a_file_that_is_packed_twice(tmp_path):
    lines = "\n".join(json.dumps(row) for row in ROWS).encode()
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress(gzip.compress(lines)))
    assert read(tmp_path / "rows.jsonl.gz") == ROWS


@pytest.mark.parametrize(("ending", "pack"), [("bz2", bz2.compress), ("xz", lzma.compress)])
def test_files_that_are_packed_otherwise(tmp_path, ending, pack):
    packed = pack("\n".join(map(json.dumps, ROWS)).encode())
    for name in (f"rows.jsonl.{ending}", "rows.jsonl"):
        (tmp_path / name).write_bytes(packed)
        assert read(tmp_path / name) == ROWS
    (tmp_path / "rows.csv").write_bytes(packed[:-9])
    with pytest.raises(UserError, match=r"rows\.csv: cannot be read"):
        read(tmp_path / "rows.csv")


def test_what_is_no_file_of_rows(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "folder").mkdir()
    (tmp_path / "rows.jsonl.zst").write_bytes(b"\x28\xb5\x2f\xfd1234")
    (tmp_path / "rows.xlsx").write_bytes(b"PK\x03\x041234")
    for name, words in {
        "pipe.jsonl": "not a pipe",
        "folder": "not a folder: name a file in it",
        "rows.jsonl.zst": "packed with Zstandard: unpack it",
        "rows.xlsx": "save the sheet as CSV",
    }.items():
        with pytest.raises(UserError, match=words):
            read(tmp_path / name)
    with pytest.raises(UserError, match="an address is not read: fetch the file first"):
        read("https://example.org/rows.jsonl")


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_commas_after_the_last_of_something(tmp_path, name):
    lines = [json.dumps(row) for row in ROWS]
    for text in (",\n".join(lines) + ",\n", "[" + ",\n".join(lines) + ",\n]"):
        (tmp_path / name).write_text(text)
        assert read(tmp_path / name) == ROWS


@pytest.mark.parametrize(("name", "divider"), [("rows.jsonl", "\n"), ("rows.jsonl", ",\n"), ("rows.json", None)])
def test_conversations_without_a_name(tmp_path, name, divider):
    turns = [[{"role": "user", "content": "Why?"}], [{"from": "human", "value": "How?"}]]
    text = json.dumps(turns) if divider is None else divider.join(map(json.dumps, turns))
    (tmp_path / name).write_text(text)
    assert read(tmp_path / name) == [{"messages": each} for each in turns]


def test_one_conversation_without_a_name(tmp_path):
    turns = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    (tmp_path / "rows.jsonl").write_text(json.dumps(turns) + "\n")
    assert read(tmp_path / "rows.jsonl") == [{"messages": turns}]


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_a_broken_line_is_one_row_wherever_it_stands(tmp_path, broken):
    lines = [json.dumps({"prompt": f"Q{number}?", "response": "A."}) for number in range(3)]
    lines[broken] += " x"
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    dropped = []
    found = list(
        conversations.read(str(tmp_path / "rows.jsonl"), stops=False, drop=lambda *about: dropped.append(about))
    )
    assert [conversation is None for _, conversation in found] == [number == broken for number in range(3)]
    assert [(reason, f"line {broken + 1}" in message) for reason, message in dropped] == [("not_json", True)]


def test_an_object_of_several_lines_that_is_broken_is_named_where_it_stands(tmp_path):
    rows = [json.dumps({"prompt": "Q?", "response": "A."}, indent=1) for _ in range(2)]
    (tmp_path / "rows.jsonl").write_text(rows[0] + "\n" + rows[1].replace(",", ""))
    with pytest.raises(UserError, match="rows.jsonl, line 7"):
        read(tmp_path / "rows.jsonl")


def test_an_array_of_rows_under_a_name_of_lines(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS))
    assert read(tmp_path / "rows.jsonl") == ROWS


@pytest.mark.parametrize("divider", [",", ";"])
def test_tab_separated_by_name_only(tmp_path, divider):
    (tmp_path / "rows.tsv").write_text(f"prompt{divider}response\na{divider}b\n")
    assert read(tmp_path / "rows.tsv") == [{"prompt": "a", "response": "b"}]


@pytest.mark.parametrize(
    "text",
    [
        '"prompt";"response";"a, b"\r\n"1";"2, 3";""\r\n',
        "sep=|\nprompt|response|a, b\n1|2, 3|\n",
        'prompt\t"response"\t"a, b"\n1\t2, 3\n',
    ],
)
def test_what_divides_the_cells(tmp_path, text):
    (tmp_path / "rows.csv").write_text(text, newline="")
    assert [(row["prompt"], row["response"]) for row in read(tmp_path / "rows.csv")] == [("1", "2, 3")]


@pytest.mark.parametrize(("text", "kind"), [("12", "a number"), ("true", "bool"), ('"hi"', "str")])
def test_a_single_value_is_no_row(tmp_path, text, kind):
    (tmp_path / "rows.json").write_text(text)
    (problem,) = read(tmp_path / "rows.json")
    assert f"not {kind}" in str(problem)


@pytest.mark.parametrize("name", ["rows.jsonl.gz", "rows.json.gz", "rows.csv.gz", "rows.jsonl"])
def test_how_much_a_file_may_unpack_to_is_limited(tmp_path, monkeypatch, name):
    text = "prompt,response\n1,2\n" if "csv" in name else json.dumps({"prompt": "1", "response": "2"})
    (tmp_path / name).write_bytes(gzip.compress(text.encode() + b"\n" * (3 << 20)))
    assert len(read(tmp_path / name)) == 1
    monkeypatch.setattr(unpacking, "LIMIT_MIB", 2)
    with pytest.raises(UserError, match=rf"{name}: unpacks to more than 2 MiB, .* environment variable IFEVAL_MAX"):
        read(tmp_path / name)
    monkeypatch.setenv(unpacking.LIMIT, "4")
    assert len(read(tmp_path / name)) == 1


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_a_data_set_that_is_packed_as_text_is_may_be_of_any_size(tmp_path, monkeypatch, ending, pack):
    monkeypatch.setattr(unpacking, "LIMIT_MIB", 0)
    rows = [{"prompt": str(number), "response": "So it is."} for number in range(0, 10**9, 10**6 + 7)]
    (tmp_path / f"rows.jsonl.{ending}").write_bytes(pack("\n".join(map(json.dumps, rows)).encode()))
    assert read(tmp_path / f"rows.jsonl.{ending}") == rows


def test_a_parquet_file_that_unpacks_to_far_more_than_it_is(tmp_path, monkeypatch):
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "rows.parquet"
    table = pyarrow.table({"prompt": ["1"] * 3, "response": [letter * (1 << 20) for letter in "abc"]})
    parquet.write_table(table, path, compression="zstd")
    assert len(read(path)) == 3
    monkeypatch.setattr(unpacking, "LIMIT_MIB", 2)
    with pytest.raises(UserError, match=r"rows.parquet: unpacks to more than 2 MiB, .* environment variable IFEVAL"):
        read(path)
    parquet.write_table(table, path, compression="none", use_dictionary=False)
    assert len(read(path)) == 3
    monkeypatch.setenv(unpacking.LIMIT, "much")
    with pytest.raises(UserError, match="must be a whole number of MiB, not 'much'"):
        read(path)
