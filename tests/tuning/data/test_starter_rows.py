"""The starter rows: whole, followed by their answers, and apart from the prompts that are evaluated."""

import json
from collections import Counter
from pathlib import Path

import pytest

from ifeval import INSTRUCTIONS
from tests.tiny import ROOT
from tuning.data import contamination, conversations, mixing

STARTER = ROOT / "data/starter"
FILES = ("contrasts.jsonl", "instructions.jsonl", "forms.jsonl", "more_forms.jsonl", "long.jsonl")


def rows(name):
    return [json.loads(line) for line in (STARTER / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", FILES)
def test_every_row_can_be_used_and_follows_its_own_instructions(name):
    read = [conversation for _, conversation in conversations.read(str(STARTER / name))]
    assert None not in read
    assert len(read) == len(rows(name))


def test_no_request_comes_twice():
    requests = Counter((row["instruction"].lower(), row["input"]) for name in FILES for row in rows(name))
    assert [request for request, count in requests.items() if count > 1] == []


def test_every_type_but_that_of_languages_is_written_by_nature():
    types = Counter(name for file in FILES for row in rows(file) for name in row.get("instruction_id_list", ()))
    assert set(types) == set(INSTRUCTIONS)
    assert min(count for name, count in types.items() if name != "language:response_language") >= 12


@pytest.mark.parametrize("name", FILES)
def test_no_run_of_eight_words_stands_in_the_evaluation_prompts(name):
    prompts = [json.loads(line) for line in (STARTER / "prompts.jsonl").read_text(encoding="utf-8").splitlines()]
    said = (f"{row['instruction']}\n{row['input']}" for row in rows(name))
    assert contamination.find(said, ((prompt["key"], prompt["prompt"]) for prompt in prompts)) == []


def test_the_default_run_leaves_no_contrast_out():
    parts = [(rows(Path(source.name).name), source.weight) for source in mixing.sources(str(STARTER / "default.yaml"))]
    assert len(parts) == 3
    assert mixing.shares(parts) == [len(rows("contrasts.jsonl")), *(weight for _, weight in parts[1:])]


def test_contrasts_are_groups_of_one_request_under_different_instructions():
    contrasts = rows("contrasts.jsonl")
    for start in range(0, len(contrasts), 4):
        group = contrasts[start : start + 4]
        asked = [json.dumps([row["instruction_id_list"], row["kwargs"]]) for row in group]
        assert len(set(asked)) == 4, start


def test_long_rows_are_longer_than_the_default_run_has_room_for():
    lengths = [len(row["output"].split()) for row in rows("long.jsonl")]
    assert min(lengths) > 100
    assert sum(lengths) / len(lengths) > 180
