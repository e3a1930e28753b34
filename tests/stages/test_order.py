"""A stage run by hand before the one it needs names the file that is missing."""

import importlib
import re
import shutil

import pytest

from stages import generate
from tests.tiny import ROOT
from tuning.core.errors import UserError


@pytest.mark.parametrize(
    ("stage", "missing"),
    [
        ("baseline", "data/prepared/prompts.jsonl"),
        ("train", "data/prepared/train.jsonl"),
        ("ifeval", "data/responses/base.jsonl"),
        ("resources", "metrics/train.json"),
    ],
)
def test_a_stage_before_its_turn(stage, missing, tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape(f"{missing} is not here: run the stage that writes it")):
        importlib.import_module(f"stages.{stage}").main()


def test_generate_before_train(tmp_path, monkeypatch):
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="models/adapter is not here: `dvc repro` trains it"):
        generate.main()
    generate.ADAPTER.mkdir(parents=True)
    with pytest.raises(UserError, match=r"data/prepared/prompts.jsonl is not here: run the stage that writes it"):
        generate.main()
