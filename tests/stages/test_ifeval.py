"""Scoring what base and tuned have answered, whatever that is."""

import json
import re

import pytest
import yaml

from stages import ifeval
from tests import tiny
from tuning.core.files import write_json, write_jsonl

PROMPTS = [
    {"key": 1, "prompt": "No comma.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
    {"key": 2, "prompt": "No comma, again.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
]


@pytest.fixture
def score(tmp_path, monkeypatch):
    """A folder with what the stages before have written; ``score(responses)`` runs the stage on them."""
    monkeypatch.chdir(tmp_path)
    write_jsonl(ifeval.PROMPTS, PROMPTS)
    write_json(tmp_path / "metrics/data.json", {"rows": {"train": 1, "validation": 1}, "dropped": {}})
    write_json(tmp_path / "metrics/train.json", {"train_loss": 1.0})
    counts = {"new_tokens": 2, "share_cut": 0.0, "share_looping": 0.0}
    for name, stage in (("base", "baseline"), ("tuned", "generate")):
        write_json(tmp_path / f"metrics/{stage}.json", {name: counts, "base_template": "chat"})

    def run(responses, **generation):
        values = tiny.params("model", "rows.jsonl", "prompts.jsonl")
        values["generation"].update(generation)
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        for name in ("base", "tuned"):
            rows = [
                {**prompt, "response": response, "new_tokens": 1, "finish_reason": "stop"}
                for prompt, response in zip(PROMPTS, responses, strict=True)
            ]
            write_jsonl(tmp_path / f"data/responses/{name}.jsonl", rows)
        ifeval.main()
        return json.loads((tmp_path / "metrics/ifeval.json").read_text())["tuned"]["prompt_level_strict_acc"]

    return run


def test_thoughts_are_judged_unless_the_parameters_say_otherwise(score, capsys):
    responses = ["<think>\nWell, so.\n</think>\n\nyes", "yes, and no"]
    assert score(responses) == 0
    said = capsys.readouterr().err
    assert "1 of 2 tuned responses begin with thoughts" in said
    assert "'generation.strip_thoughts'" in said
    assert score(responses, strip_thoughts=True) == 0.5
    assert "thoughts" not in capsys.readouterr().err


def test_lone_surrogates_and_control_characters(score, tmp_path):
    assert score(["a\ud800b", "\x00\x1b[2J,\udfff"]) == 0.5
    page = (tmp_path / "data/report/index.html").read_bytes().decode("utf-8")
    assert re.search(r"a\\ud800b", page)


def test_every_response_is_in_a_bin_of_the_histogram(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("base", "tuned"):
        write_jsonl(ifeval.RESPONSES / f"{name}.jsonl", [{"new_tokens": count} for count in (0, 0, 2, 3, 32)])
    rows = [line.split(",") for line in ifeval.lengths().decode().splitlines()[1:]]
    assert [int(count) for name, _, count in rows if name == "base"] == [3, 1, *[0] * 13, 1]
