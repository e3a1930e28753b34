"""Evaluation prompts in the schema of google/IFEval."""

import json

import pytest

from tuning.core.errors import UserError
from tuning.data import evaluation_prompts

PROMPT = {"key": 7, "prompt": "Write a short poem about the old harbour at night, without any comma."}
PROMPT |= {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"keywords": None}]}


def test_nulls_of_the_hub_copy_are_stripped(tmp_path):
    (tmp_path / "p.jsonl").write_text(json.dumps(PROMPT) + "\n")
    assert evaluation_prompts.read(str(tmp_path / "p.jsonl"))[0]["kwargs"] == [{}]
    (tmp_path / "p.jsonl").write_text('{"key": 1}\n')
    with pytest.raises(UserError, match=r"p\.jsonl, line 1: 'prompt' is missing"):
        evaluation_prompts.read(str(tmp_path / "p.jsonl"))
    with pytest.raises(UserError, match="check the network"):
        evaluation_prompts.read("google/IFEval")


def test_columns_of_evaluation_prompts_that_are_not_needed_may_hold_anything(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "prompts.parquet"
    pandas.DataFrame([PROMPT | {"made": pandas.Timestamp("2026-11-28"), "raw": b"x"}]).to_parquet(path)
    [found] = evaluation_prompts.read(str(path))
    assert found == PROMPT | {"kwargs": [{}]}
