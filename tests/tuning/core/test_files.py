"""Files and folders are written whole or not at all, whatever lies in their place."""

import json
import math
import os
import stat

import pytest

from tests import small_disk
from tuning.core import files
from tuning.core.errors import UserError


def fill(folder, text):
    with files.new_folder(folder) as new:
        (new / "a").write_text(text)
        (new / "a").chmod(0o600)  # as some libraries write


def test_numbers_that_are_not_finite_are_refused_by_name(tmp_path):
    path = tmp_path / "m.json"
    files.write_json(path, {"loss": 1.5})
    with pytest.raises(UserError, match=r"m.json is not written: base.loss is nan, list.1 is inf"):
        files.write_json(path, {"base": {"loss": math.nan}, "list": [0, math.inf]})
    assert json.loads(path.read_text()) == {"loss": 1.5}


def test_lone_surrogates_are_written_and_read(tmp_path):
    for write, read in ((files.write_json, files.read_json),):
        write(tmp_path / "a.json", {"a": "x\ud800é"})
        assert read(tmp_path / "a.json") == {"a": "x\ud800é"}
    files.write_jsonl(tmp_path / "a.jsonl", [{"a": "x\ud800é"}])
    assert files.read_jsonl(tmp_path / "a.jsonl") == [{"a": "x\ud800é"}]


def test_secrets_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_123456789")
    monkeypatch.setenv("OPENAI_API_KEY", "none")  # as for servers without keys: a word, and no secret
    files.write_json(tmp_path / "a.json", {"a": "it is hf_123456789, none other"})
    assert files.read_json(tmp_path / "a.json") == {"a": "it is <HF_TOKEN>, none other"}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b'{"a": 1}\n{'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    for read in (files.read_json, files.read_jsonl):
        with pytest.raises(UserError, match=r"a(, line \d,)? is damaged .*dvc repro"):
            read(tmp_path / "a")


def test_modes_are_those_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        files.write_json(tmp_path / "a.json", 1)
        fill(tmp_path / "folder", "x")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a.json", "folder", "folder/a")]
    assert modes == [0o640, 0o750, 0o640]


@pytest.mark.parametrize("obstacle", ["nothing", "folder", "file", "link to a folder", "dangling link", "leftovers"])
def test_a_new_folder_takes_the_place_of_anything(tmp_path, obstacle):
    target, elsewhere = tmp_path / "target", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    if obstacle == "folder":
        target.mkdir()
        (target / "old").write_text("old")
    elif obstacle == "file":
        target.write_text("old")
    elif "link" in obstacle:
        target.symlink_to(elsewhere if "folder" in obstacle else tmp_path / "nowhere")
    elif obstacle == "leftovers":
        (tmp_path / ".target.new").write_text("a file")
        (tmp_path / ".target.old").symlink_to(elsewhere)
    for text in ("one", "two"):
        fill(target, text)
        assert [path.name for path in target.iterdir()] == ["a"]
        assert (target / "a").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "target"]
    assert (elsewhere / "kept").read_text() == "kept"


def test_files_of_the_user_beside_what_is_written_stay(tmp_path):
    for name in ("target.new", "target.old", "a.json.new"):
        (tmp_path / name).write_text("mine")
    fill(tmp_path / "target", "one")
    fill(tmp_path / "target", "two")
    files.write_json(tmp_path / "a.json", 1)
    assert [(tmp_path / name).read_text() for name in ("target.new", "target.old", "a.json.new")] == ["mine"] * 3


def test_a_block_that_fails_leaves_what_was_there(tmp_path):
    fill(tmp_path / "target", "one")
    with pytest.raises(OSError, match="b/a"), files.new_folder(tmp_path / "target") as new:
        (new / "b/a").write_text("two")
    assert (tmp_path / "target/a").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_outputs_that_cannot_be_written_are_found_before_the_work(tmp_path):
    (tmp_path / "a.json").mkdir()
    (tmp_path / "folder").write_text("")
    files.check_outputs([tmp_path / "deep/b.json"], [tmp_path / "other"])
    with pytest.raises(UserError, match=r"a.json is a folder.*move it away"):
        files.check_outputs([tmp_path / "a.json"])
    with pytest.raises(UserError, match=r"folder is a file.*move it away"):
        files.check_outputs([], [tmp_path / "folder"])
    with pytest.raises(UserError, match=r"folder cannot be written to: .*"):
        files.check_outputs([tmp_path / "folder/c.json"])


@pytest.fixture
def disk(tmp_path):
    """A file system of 256 KiB."""
    with small_disk.mounted(tmp_path / "disk", 256 << 10) as folder:
        yield folder


def test_a_full_disk_leaves_what_was_there_and_no_part(disk):
    files.write_json(disk / "a.json", {"a": 1})
    fill(disk / "folder", "one")
    with pytest.raises(OSError, match="No space left.*a.json"):
        files.write_json(disk / "a.json", "x" * 500_000)
    with pytest.raises(OSError, match="No space left"):
        fill(disk / "folder", "x" * 500_000)
    assert files.read_json(disk / "a.json") == {"a": 1}
    assert (disk / "folder/a").read_text() == "one"
    assert sorted(path.name for path in disk.iterdir()) == ["a.json", "folder"]
