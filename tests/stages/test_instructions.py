"""Rows with verifiable instructions: asked for in the prompt, followed by the completion."""

import json
import random
from collections import Counter
from dataclasses import dataclass

import pytest

from ifeval import INSTRUCTIONS
from ifeval.impose import impose
from stages.lib import contamination, instructions
from stages.lib.errors import UserError
from tests.ifeval import official
from tests.tiny import ROOT

SECTION = {"fraction": 1.0, "variants": 2, "per_row": [0.4, 0.4, 0.2], "types": "all"}
SECTION |= {"max_words": None, "keep_untouched": True}


@dataclass(frozen=True)
class Row:
    prompt: list
    completion: list


def starter(count=None):
    lines = (ROOT / "data/starter/instructions.jsonl").read_text(encoding="utf-8").splitlines()[:count]
    for line in lines:
        row = json.loads(line)
        request = "\n\n".join(filter(None, (row["instruction"], row["input"])))
        yield Row([{"role": "user", "content": request}], [{"role": "assistant", "content": row["output"]}])


def treated(rows, lost=None, seed=1, **changes):
    lost = Counter() if lost is None else lost
    section = SECTION | changes
    return list(instructions.treat_all(list(rows), instructions.chosen_types(section["types"]), section, seed, lost))


@pytest.fixture(scope="module")
def all_rows():
    return treated(starter())


def test_nearly_every_row_gets_as_many_variants_as_asked(all_rows):
    assert len(all_rows) > 0.9 * 2 * len(list(starter()))
    assert len({repr(result) for _, result in all_rows}) > 0.97 * len(all_rows)
    shares = Counter(len(result.types) for _, result in all_rows)
    assert [round(shares[count] / len(all_rows), 1) for count in (1, 2, 3)] == [0.4, 0.4, 0.2]


def test_every_type_but_two_answers_occurs(all_rows):
    """Of the starter rows no two answer the same request."""
    seen = Counter(name for _, result in all_rows for name in result.types)
    rare = {"combination:two_responses", "detectable_format:constrained_response"}
    assert set(INSTRUCTIONS) - set(seen) <= rare
    assert min(count for name, count in seen.items() if name not in rare) >= 15


def test_the_request_is_still_there_and_the_completion_is_changed_or_kept(all_rows):
    for row, result in all_rows:
        assert row.prompt[-1]["content"] in result.prompt[-1]["content"]
        assert len(result.prompt[-1]["content"]) > len(row.prompt[-1]["content"])


def test_the_same_seed_gives_the_same_rows_in_any_order():
    rows = list(starter(30))
    found = treated(rows)
    assert found == treated(rows)
    assert sorted(map(repr, found)) == sorted(map(repr, treated(rows[::-1])))
    assert found != treated(rows, seed=2)


def test_none_and_some_of_the_rows():
    rows = list(starter(200))
    assert treated(rows, fraction=0) == [(row, None) for row in rows]
    share = sum(result is None for _, result in treated(rows, fraction=0.5, variants=1)) / len(rows)
    assert 0.35 < share < 0.65


def test_rows_that_are_too_long_stay_as_they_are_or_are_left_out():
    rows = list(starter(60))
    words = [len(row.completion[0]["content"].split()) for row in rows]
    short = sum(count <= 40 for count in words)
    found = treated(rows, max_words=40, variants=1)
    assert sum(result is None for _, result in found) == len(rows) - short
    assert len(treated(rows, max_words=40, variants=1, keep_untouched=False)) in range(short - 5, short + 1)
    assert treated(rows, fraction=0, keep_untouched=False) == []


def test_types_can_be_held_out():
    types = ["punctuation:no_comma", "startend:quotation", "detectable_format:title"]
    seen = {name for _, result in treated(starter(60), types=types) if result for name in result.types}
    assert seen == set(types)
    with pytest.raises(UserError, match="unknown id 'punctuation:no_commas'"):
        treated(starter(1), types=["punctuation:no_commas"])


def test_two_responses_are_two_answers_to_one_request():
    asked = [{"role": "user", "content": "Name a colour."}]
    rows = [Row(asked, [{"role": "assistant", "content": text}]) for text in ("Blue.", "Green.")]
    found = treated(rows, types=["combination:two_responses"], variants=1, per_row=[1])
    assert [result.completion[0]["content"] for _, result in found] == [
        "Blue.\n\n******\n\nGreen.",
        "Green.\n\n******\n\nBlue.",
    ]


def test_no_two_of_a_row_exclude_each_other(all_rows):
    for _, result in all_rows:
        for _, exclusive in instructions.EXCLUSIVE:
            assert len(exclusive.intersection(result.types)) < 2


def test_every_exclusion_names_types_and_a_reason():
    for reason, exclusive in instructions.EXCLUSIVE:
        assert reason
        assert len(exclusive) > 1
        assert exclusive <= set(INSTRUCTIONS)


def test_the_official_scorer_agrees_with_every_row(monkeypatch):
    """The kwargs that were imposed last are those that the scorer is asked about."""
    text = "Yes. Bread needs flour and water. Salt gives it taste, and yeast makes it rise. Bake it until it is brown."
    kept = []
    build = instructions.build
    monkeypatch.setattr(instructions, "build", lambda name, kwargs: kept.append((name, kwargs)) or build(name, kwargs))
    for seed in range(150):
        kept.clear()
        turns = [{"role": "user", "content": "How is bread made?"}], [{"role": "assistant", "content": text}]
        result = instructions.treat(*turns, sorted(INSTRUCTIONS), 2, random.Random(seed), Counter())
        if result is not None:
            names, kwargs = zip(*kept, strict=True)
            verdicts, _ = official.verdicts(list(names), list(kwargs), result.completion[0]["content"])
            assert all(verdicts), (result, kept)


def test_what_cannot_be_kept_is_counted():
    lost = Counter()
    rows = [Row([{"role": "user", "content": "?"}], [{"role": "assistant", "content": "42"}])]
    assert treated(rows, lost, types=["detectable_format:title"], variants=3) == []
    assert sum(lost.values()) == 3


def test_no_row_repeats_an_evaluation_prompt(all_rows):
    lines = (ROOT / "data/starter/prompts.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = [(row["key"], row["prompt"]) for row in map(json.loads, lines)]
    matches = contamination.find((result.prompt[-1]["content"] for _, result in all_rows), prompts)
    assert matches == []


def test_imposing_twice_with_one_seed_is_the_same():
    for _, result in treated(starter(20)):
        text = result.completion[-1]["content"]
        for name in result.types:
            assert impose(name, text, random.Random(3)) == impose(name, text, random.Random(3))
