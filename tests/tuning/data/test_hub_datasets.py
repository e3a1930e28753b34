"""Tables with typed columns: media that nothing needs, and names of files that look like patterns."""

import datasets
import pyarrow
import pytest
from pyarrow import parquet

from tests.tuning.data.reading import said
from tests.tuning.data.test_data_files import read
from tuning.core.errors import UserError
from tuning.data import hub_datasets

SAID = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
ROW = {"prompt": "Why?", "completion": "So."}
BROKEN = {"bytes": b"no image, no sound and no film", "path": None}
TEXT = {"prompt": datasets.Value("string"), "completion": datasets.Value("string")}


def write(path, rows, **features):
    """Writes a table as `datasets` does, without the packages that it would make media with."""
    schema = datasets.Features(TEXT | features).arrow_schema
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), path)


@pytest.mark.parametrize("kind", [datasets.Image, datasets.Audio, datasets.Video, datasets.Pdf])
@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (lambda kind: kind, BROKEN),
        (datasets.List, [BROKEN, BROKEN]),
        (datasets.LargeList, [BROKEN]),
        (lambda kind: {"inner": kind, "of": datasets.Value("string")}, {"inner": BROKEN, "of": "x"}),
        (lambda kind: datasets.List({"inner": datasets.List(kind)}), [{"inner": [BROKEN, None]}]),
    ],
)
def test_media_that_no_schema_needs_are_not_decoded(tmp_path, capsys, kind, feature, value):
    path = tmp_path / "rows.parquet"
    write(path, [ROW | {"media": value}, ROW | {"media": None}], media=feature(kind()))
    assert said(path) == [SAID, SAID]
    assert "columns that are not used: media" in capsys.readouterr().out
    assert read(path)[0]["media"] == value


def test_an_image_in_the_place_of_text_is_an_error_of_its_row(tmp_path):
    write(tmp_path / "rows.parquet", [ROW | {"prompt": BROKEN}], prompt=datasets.Image())
    with pytest.raises(UserError, match="row 1: 'prompt' must hold text, not dict"):
        said(tmp_path / "rows.parquet")


def test_columns_of_json_are_still_read(tmp_path):
    write(tmp_path / "rows.parquet", [ROW | {"meta": '{"a": [1]}'}], meta=datasets.Json())
    assert read(tmp_path / "rows.parquet") == [ROW | {"meta": {"a": [1]}}]


@pytest.mark.parametrize("name", ["rows[1].parquet", "rows*.parquet", "row?.parquet", "[a]/x.parquet", "**/x.parquet"])
def test_a_name_is_no_pattern(tmp_path, monkeypatch, name):
    """Beside files that the pattern would match."""
    monkeypatch.chdir(tmp_path)
    for other, prompt in (("rows1.parquet", "1"), ("a/x.parquet", "2"), (name, "Why?")):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        write(tmp_path / other, [ROW | {"prompt": prompt}])
    assert read(name) == read(tmp_path / name) == [ROW]


def test_the_file_of_a_data_set_with_a_script_in_a_cache_whose_name_looks_like_a_pattern(tmp_path, monkeypatch):
    file = tmp_path / "cache[1]/train.jsonl"
    file.parent.mkdir()
    file.write_text('{"conversations": ["Why?", "So."]}')
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(file))
    rows = [row for _, row in hub_datasets.read(hub_datasets.HubDataset("GAIR/lima"))]
    assert rows == [{"conversations": ["Why?", "So."]}]
