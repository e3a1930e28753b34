"""What goes wrong between here and the Hub is not blamed on what is loaded."""

import pytest
from huggingface_hub import constants

from tuning.core.errors import UserError
from tuning.model.hub import borrow, explain


@pytest.mark.parametrize("below", ["", "hub", "datasets/json/lock"])
def test_a_cache_that_cannot_be_written_to(tmp_path, monkeypatch, below):
    home = tmp_path / "home/cache"
    monkeypatch.setattr(constants, "HF_HOME", str(home))
    (tmp_path / "home").write_text("a file")
    with pytest.raises(UserError, match=r"home.*: Not a directory.*HF_HOME to a folder"), explain("data set", "rows"):
        (home / below).mkdir(parents=True)


def test_a_file_elsewhere_is_not_the_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    with pytest.raises(UserError) as raised, explain("data set", str(tmp_path)):
        (tmp_path / "none.jsonl").read_text()
    assert "HF_HOME" not in str(raised.value)


@pytest.mark.parametrize("name", ["../outside", "../../../../../outside", "models/../../outside", "models/base/tiny"])
def test_a_temporary_checkout_borrows_from_inside_the_project_alone(tmp_path, monkeypatch, name):
    project = tmp_path / "project"
    checkout = project / ".dvc/tmp/exps/one"
    checkout.mkdir(parents=True)
    (project / "models/base/tiny").mkdir(parents=True)
    for folder in (tmp_path, project / ".dvc/tmp"):
        (folder / "outside").mkdir()
    before = {path for path in tmp_path.rglob("*") if path.is_symlink()}
    monkeypatch.chdir(checkout)
    borrow(name)
    made = {path for path in tmp_path.rglob("*") if path.is_symlink()} - before
    assert made == ({checkout / name} if name == "models/base/tiny" else set())
