"""What a stage's result depends on, as dvc.yaml declares it, wherever the stage runs."""

import pytest
import yaml

from tests.tiny import ROOT
from tuning.config import checks
from tuning.config.declared import declared, names

DEFAULT = (ROOT / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def values(tmp_path, monkeypatch):
    """params.yaml of another folder; a function that changes it and reads what is declared."""
    monkeypatch.chdir(tmp_path)

    def change(stage, without=(), **sections):
        changed = yaml.safe_load(DEFAULT)
        for section, keys in sections.items():
            changed[section].update(keys)
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(changed))
        return declared(stage, without)

    return change


@pytest.mark.parametrize("stage", ["prepare", "baseline", "train", "generate", "ifeval", "resources"])
def test_what_is_not_declared_changes_nothing(values, stage):
    undeclared = {"timeout": 1, "concurrency": 1, "base_url": "http://elsewhere/v1"}
    assert values(stage) == values(stage, generation=undeclared, resources={"strict": True})


@pytest.mark.parametrize("stage", ["baseline", "generate"])
def test_every_key_of_decoding_that_is_accepted_is_declared(values, stage):
    before = values(stage)
    assert before["generation.max_new_tokens"] == 192
    for key, value in (("top_k", 5), ("stop_strings", ["END"]), ("batch_size", 3)):
        assert values(stage, generation={key: value}) == before | {f"generation.{key}": value}


def test_sections_are_mappings_and_keys_can_be_left_out_at_any_depth(values):
    found = values("train", ("train.save_steps", "seed"))
    assert found["train"]["learning_rate"] == 2e-3
    assert found["lora"]["r"] == 16
    assert "save_steps" not in found["train"]
    assert "seed" not in found
    assert values("prepare")["train.max_length"] == 512
    assert "train" not in values("prepare")


def test_a_key_that_a_params_file_does_not_have_is_none(values, tmp_path):
    before = values("baseline")
    short = yaml.safe_load(DEFAULT)
    del short["generation"]["top_k"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(short))
    assert declared("baseline") == before


def test_a_key_of_generation_that_dvc_does_not_see_is_refused():
    changed = yaml.safe_load(DEFAULT)
    changed["generation"]["top_h"] = 0.3
    (problem,) = checks.check(changed)
    assert problem.startswith("'generation.top_h' is not seen by DVC: add it to params.yaml and to the list")


@pytest.mark.parametrize("both", [True, False])
def test_once_it_is_declared_for_both_stages_it_is_accepted(monkeypatch, tmp_path, both):
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    for stage in ("baseline", "generate") if both else ("generate",):
        pipeline["stages"][stage]["params"].append("generation.top_h")
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    monkeypatch.setattr("tuning.config.declared.PIPELINE", tmp_path / "dvc.yaml")
    names.cache_clear()
    try:
        changed = yaml.safe_load(DEFAULT)
        changed["generation"]["top_h"] = 0.3
        assert (checks.check(changed) == []) == both
    finally:
        names.cache_clear()
