"""Every type is asked for in many ways, with its values in it, and never in the words of an evaluation prompt."""

import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ifeval import INSTRUCTIONS, ask, build, describe
from ifeval.wording import NUMBERS
from tests.ifeval.cases import KWARGS
from tests.tiny import ROOT

ASKED = "Explain where tea comes from."


def all_wordings(instruction_id):
    held = INSTRUCTIONS[instruction_id].wordings
    return [held] if isinstance(held, tuple) else list(held.values())


@pytest.mark.parametrize("instruction_id", sorted(INSTRUCTIONS))
def test_every_type_can_be_asked_for_in_many_ways(instruction_id):
    for wordings in all_wordings(instruction_id):
        assert len(set(wordings)) >= 8
    assert any("{task}" in wording or "{prompt_to_repeat}" in wording for wording in all_wordings(instruction_id)[0])


@pytest.mark.parametrize("instruction_id", sorted(INSTRUCTIONS))
def test_what_is_asked_names_every_value(instruction_id):
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(KWARGS[instruction_id], st.integers(0, 999))
    def named(kwargs, seed):
        instruction = build(instruction_id, kwargs)
        asked = describe(instruction, random.Random(seed))
        for name, value in instruction.kwargs.items():
            if name.endswith("relation") or name == "language":
                continue
            for part in value if isinstance(value, list) else [value]:
                words = [str(part)] + ([NUMBERS[part]] if isinstance(part, int) and part < 13 else [])
                assert any(word in asked or word.capitalize() in asked for word in words), asked

    named()


@pytest.mark.parametrize(
    ("kwargs", "wrong"),
    [
        ({"num_bullets": 1}, r"\b(1|one) \w+( \w+)?s\b(?<!this)"),
        ({"num_bullets": 3}, r"\b(3|three) (bullet|item|line|thing|bullet point)\b(?! point)(?!s)"),
    ],
)
def test_singular_and_plural(kwargs, wrong):
    instruction = build("detectable_format:number_bullet_lists", kwargs)
    for seed in range(200):
        asked = describe(instruction, random.Random(seed))
        assert not re.search(wrong, asked), asked


@pytest.mark.parametrize("name", ["prompts", "prompts_unseen"])
def test_no_wording_stands_in_an_evaluation_prompt(name):
    """Whole wordings but for marks around them, with their values replaced by those of the prompt's own instruction."""
    rows = [json.loads(line) for line in (ROOT / f"data/starter/{name}.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        for instruction_id, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            instruction = build(instruction_id, kwargs)
            for seed in range(60):
                asked = describe(instruction, random.Random(seed)).replace("{task}", "")
                if instruction_id == "combination:repeat_prompt":
                    asked = asked.replace(kwargs["prompt_to_repeat"], "").strip()
                assert asked.strip(" :().!?,").lower() not in row["prompt"].lower(), (row["key"], asked)


def test_a_task_with_several_instructions_is_there_once():
    instructions = [build("startend:quotation"), build("punctuation:no_comma"), build("detectable_format:title")]
    for seed in range(100):
        asked = ask(ASKED, instructions, random.Random(seed))
        assert asked.count(ASKED) == 1
        assert "{" not in asked
