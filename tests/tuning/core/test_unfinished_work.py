"""Unfinished work is found again by its run, and by no other; old work does not pile up."""

import os

import pytest

from tuning.core.files import new_folder
from tuning.core.paths import UNFINISHED
from tuning.core.unfinished_work import KEPT, remove, unfinished_work


@pytest.fixture(autouse=True)
def _project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_same_run_finds_its_work_again_and_another_does_not():
    folder = unfinished_work("train", {"lora": {"r": 8}})
    (folder / "checkpoint-1").mkdir()
    assert unfinished_work("train", {"lora": {"r": 8}}) == folder
    assert (folder / "checkpoint-1").is_dir()
    assert unfinished_work("train", {"lora": {"r": 2}}) != folder
    assert unfinished_work("generate", {"lora": {"r": 8}}) != folder


def test_a_run_that_succeeds_removes_its_own_work_only():
    mine, other = unfinished_work("train", 1), unfinished_work("train", 2)
    (mine / "checkpoint-1").mkdir()
    remove(mine)
    assert list(UNFINISHED.glob("*/*")) == [other]
    remove(other)
    assert not UNFINISHED.exists()


def test_a_new_run_removes_all_but_the_newest_work_of_others():
    folders = [unfinished_work("train", number) for number in range(KEPT)]
    answers = unfinished_work("generate", 0)
    for age, folder in enumerate(folders):
        os.utime(folder, (1000 - age, 1000 - age))
    unfinished_work("train", KEPT - 1)  # the oldest goes on, and is the newest now
    new = unfinished_work("train", "new")
    assert all(folder.is_dir() for folder in folders)
    os.utime(new, (2000, 2000))
    newer = unfinished_work("train", "newer")
    kept = {newer, new, folders[-1], folders[0]}
    assert set(UNFINISHED.glob("train/*")) == kept
    assert answers.is_dir()


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "adapter"
    for number in range(2):
        with new_folder(path) as new:
            (new / f"{number}").touch()

    def fail():
        with new_folder(path) as new:
            (new / "2").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [file.name for file in path.iterdir()] == ["1"]
