"""Parquet files whose rows take far more than the file: a value stands there once and occurs in each of them."""

import pyarrow
import pytest
from pyarrow import parquet

from ifeval import unpacking
from tests.tuning.data.test_data_files import read
from tuning.core.errors import UserError

TEXT = "x" * (1 << 14)


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    monkeypatch.setattr(unpacking, "LIMIT_MIB", 2)


def repeated(value=TEXT, rows=1000):
    return pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * rows, pyarrow.int32()), pyarrow.array([value]))


def in_one_row(values):
    return pyarrow.ListArray.from_arrays(pyarrow.array([0, len(values)], pyarrow.int32()), values)


def turns(values):
    return in_one_row(pyarrow.StructArray.from_arrays([values, values], ["role", "content"]))


def write(path, column, **options):
    parquet.write_table(pyarrow.table({"prompt": column}), path, **options)
    return path


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(repeated(), id="rows"),
        pytest.param(in_one_row(repeated()), id="list"),
        pytest.param(turns(repeated()), id="turns"),
        pytest.param(turns(repeated("x" * (1 << 19), 10**5)), id="50 GB"),
        pytest.param(pyarrow.array(['"' + TEXT + '"'] * 1000, pyarrow.json_()), id="extension"),
        pytest.param(pyarrow.array([TEXT.encode()] * 1000, pyarrow.binary(len(TEXT))), id="fixed"),
        pytest.param(pyarrow.nulls(300_000), id="nulls"),
    ],
)
def test_a_value_that_stands_there_once_counts_as_often_as_it_occurs(tmp_path, column):
    path = write(tmp_path / "rows.parquet", column)
    assert path.stat().st_size < 1 << 16
    with pytest.raises(UserError, match=r"rows.parquet: unpacks to more than 2 MiB, .* variable IFEVAL_MAX_UNPACKED"):
        read(path)


def test_text_that_is_written_as_differences(tmp_path):
    """Such an encoding is never read as a dictionary."""
    options = {"use_dictionary": False, "column_encoding": "DELTA_BYTE_ARRAY"}
    few, many = pyarrow.array([TEXT] * 10), pyarrow.array([TEXT] * 1000)
    assert read(write(tmp_path / "rows.parquet", few, **options)) == [{"prompt": TEXT}] * 10
    with pytest.raises(UserError, match=r"rows.parquet: unpacks to more than 2 MiB"):
        read(write(tmp_path / "rows.parquet", many, **options))
    assert read(write(tmp_path / "rows.parquet", in_one_row(few), **options)) == [{"prompt": [TEXT] * 10}]
    with pytest.raises(UserError, match=r"rows.parquet: the lists in prompt.list.element may unpack to far more"):
        read(write(tmp_path / "rows.parquet", in_one_row(many), **options))


@pytest.mark.parametrize("encoding", [None, "PLAIN", "DELTA_LENGTH_BYTE_ARRAY"])
def test_what_occurs_often_is_read_as_any_other(tmp_path, encoding):
    rows = [
        {
            "prompt": f"{number}?" * 20,
            "source": "a" if number % 3 else None,
            "turns": [{"role": "user", "content": None}] * (number % 3),
            "lists": [["x"], None, []],
            "score": 0.5,
        }
        for number in range(3000)
    ]
    options = {}
    if encoding:
        rows = [{key: row[key] for key in ("prompt", "source")} for row in rows]
        options = {"use_dictionary": False, "column_encoding": encoding}
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "rows.parquet", row_group_size=1000, **options)
    assert read(tmp_path / "rows.parquet") == rows


def test_columns_whose_paths_are_alike(tmp_path):
    table = pyarrow.table({"a": [{"b": "1"}], "a.b": ["2"], "a.b.c": [3]})
    parquet.write_table(table, tmp_path / "rows.parquet")
    assert read(tmp_path / "rows.parquet") == table.to_pylist()
    parquet.write_table(pyarrow.table({"a.b": repeated(), "a": [{"b": 1}] * 1000}), tmp_path / "rows.parquet")
    with pytest.raises(UserError, match="unpacks to more than 2 MiB"):
        read(tmp_path / "rows.parquet")


def test_the_variable_allows_more(tmp_path, monkeypatch):
    path = write(tmp_path / "rows.parquet", repeated())
    monkeypatch.setenv(unpacking.LIMIT, "17")
    assert read(path) == [{"prompt": TEXT}] * 1000
