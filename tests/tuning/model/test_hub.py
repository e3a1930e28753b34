"""What goes wrong between here and the Hub is not blamed on what is loaded."""

import pytest
from huggingface_hub import constants

from tuning.core.errors import UserError
from tuning.model.hub import explain


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
