"""The second set of evaluation prompts: whole, possible to follow, and apart from all that a model is trained with."""

import itertools
import json
import re
from collections import Counter

import pytest

from ifeval import INSTRUCTIONS
from ifeval.instructions import conflict
from tests.tiny import ROOT
from tuning.data import contamination, evaluation_prompts

STARTER = ROOT / "data/starter"
ROWS = evaluation_prompts.read(str(STARTER / "prompts_unseen.jsonl"))
ASKED = [
    pytest.param(row["prompt"], kwargs, id=f"{row['key']}-{name}")
    for row in ROWS
    for name, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True)
    if kwargs
]
# Numbers are also said as words; a bound may be said by the number beside it ("three at most" is less than four).
IN_WORDS = {
    1: "one|once", 2: "two|twice|second|pair", 3: "three|third|pair", 4: "four|fourth", 5: "five|fifth", 6: "six|sixth",
    7: "seven|seventh", 8: "eight|eighth", 9: "nine|ninth", 10: "ten|tenth", 11: "eleven", 12: "twelve",
    15: "fifteen", 18: "eighteen", 20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 200: "two hundred",
    250: "two hundred and fifty",
}  # fmt: skip


def requests(name: str, columns: list[str]) -> list[str]:
    lines = (STARTER / name).read_text(encoding="utf-8").splitlines()
    return ["\n".join(json.loads(line)[column] for column in columns) for line in lines]


def says(prompt: str, number: int) -> bool:
    return bool(re.search(rf"(?<!\d){number}(?!\d)|\b({IN_WORDS.get(number, number)})\b", prompt, re.IGNORECASE))


def test_there_are_enough_prompts_of_every_type():
    types = Counter(name for row in ROWS for name in row["instruction_id_list"])
    assert len(ROWS) >= 200
    assert set(types) == set(INSTRUCTIONS)
    assert min(types.values()) >= 10
    assert {len(row["kwargs"]) for row in ROWS} == {1, 2, 3}
    assert len({kwargs["language"] for row in ROWS for kwargs in row["kwargs"] if "language" in kwargs}) >= 12


def test_every_beginning_of_the_file_is_a_fair_sample():
    """A run with little time answers the first prompts only."""
    for count in (64, 96, 128):
        types = Counter(name for row in ROWS[:count] for name in row["instruction_id_list"])
        assert min(types[name] for name in INSTRUCTIONS) >= count // 32


def test_instructions_of_a_prompt_do_not_conflict():
    for row in ROWS:
        for one, other in itertools.combinations(row["instruction_id_list"], 2):
            assert conflict(one, other) is None, row["key"]


@pytest.mark.parametrize(("prompt", "kwargs"), ASKED)
def test_the_prompt_says_what_the_kwargs_say(prompt, kwargs):
    for name, value in kwargs.items():
        if name == "prompt_to_repeat":
            assert value in prompt
        elif isinstance(value, int):
            assert any(says(prompt, number) for number in (value, value - 1)), (name, value)
        elif not name.endswith("relation") and name != "language":
            for part in value if isinstance(value, list) else [value]:
                assert part.lower() in prompt.lower(), (name, part)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("prompts.jsonl", ["prompt"]),
        ("instructions.jsonl", ["instruction", "input"]),
        ("contrasts.jsonl", ["instruction", "input"]),
        ("more_contrasts.jsonl", ["instruction", "input"]),
        ("languages.jsonl", ["instruction", "input"]),
        ("forms.jsonl", ["instruction", "input"]),
        ("more_forms.jsonl", ["instruction", "input"]),
        ("long.jsonl", ["instruction", "input"]),
    ],
)
def test_no_run_of_eight_words_stands_in_another_starter_file(name, columns):
    assert contamination.find(requests(name, columns), ((row["key"], row["prompt"]) for row in ROWS)) == []
