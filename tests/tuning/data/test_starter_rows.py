"""The starter rows: whole, followed by their answers, and apart from the prompts that are evaluated."""

import itertools
import json
from collections import Counter
from pathlib import Path

import pytest

from ifeval import INSTRUCTIONS
from tests.tiny import ROOT
from tuning.data import contamination, conversations, mixing

STARTER = ROOT / "data/starter"
GROUPS = {"contrasts.jsonl": [4] * 320, "more_contrasts.jsonl": [4] * 200 + [3] * 75, "languages.jsonl": [4] * 50}
FILES = (*GROUPS, "instructions.jsonl", "forms.jsonl", "more_forms.jsonl", "long.jsonl")


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


def test_every_type_is_written_by_nature():
    types = Counter(name for file in FILES for row in rows(file) for name in row.get("instruction_id_list", ()))
    assert set(types) == set(INSTRUCTIONS)
    assert min(types.values()) >= 12


@pytest.mark.parametrize("name", FILES)
def test_no_run_of_eight_words_stands_in_the_evaluation_prompts(name):
    prompts = [json.loads(line) for line in (STARTER / "prompts.jsonl").read_text(encoding="utf-8").splitlines()]
    said = (f"{row['instruction']}\n{row['input']}" for row in rows(name))
    assert contamination.find(said, ((prompt["key"], prompt["prompt"]) for prompt in prompts)) == []


def test_the_weights_of_the_default_run_are_its_numbers_of_rows():
    parts = [(rows(Path(source.name).name), source.weight) for source in mixing.sources(str(STARTER / "default.yaml"))]
    assert [len(parts[0][0]), *(weight for _, weight in parts[1:])] == mixing.shares(parts)
    assert mixing.shares(parts) == [weight for _, weight in parts]


@pytest.mark.parametrize(("name", "sizes"), GROUPS.items())
def test_contrasts_are_groups_of_one_request_under_different_instructions(name, sizes):
    contrasts = iter(rows(name))
    for size in sizes:
        group = list(itertools.islice(contrasts, size))
        asked = [json.dumps([row["instruction_id_list"], row["kwargs"]]) for row in group]
        assert len(set(asked)) == size, group[0]["instruction"]
    assert list(contrasts) == []


def test_long_rows_are_longer_than_the_default_run_has_room_for():
    lengths = [len(row["output"].split()) for row in rows("long.jsonl")]
    assert min(lengths) > 100
    assert sum(lengths) / len(lengths) > 180
