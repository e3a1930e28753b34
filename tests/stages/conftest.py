import functools

import pytest

from stages import train
from tests.stages import training_runs


@pytest.fixture
def training(tmp_path, tiny_model, monkeypatch):
    """A folder with prepared rows; a function that trains in it with some changes of params.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "keep_freed_memory", lambda: None)
    training_runs.prepare()
    return functools.partial(training_runs.run, tiny_model)
