"""Every type is asked for in many ways, with its values in it, and never in the words of an evaluation prompt."""

import itertools
import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings

from ifeval import INSTRUCTIONS, ask, build
from ifeval.wording import NUMBERS, ORDINALS
from tests.ifeval.cases import KWARGS
from tests.ifeval.ways import every_way
from tests.tiny import ROOT

ASKED = "Explain where tea comes from."


def all_wordings(instruction_id):
    held = INSTRUCTIONS[instruction_id].wordings
    return [held] if isinstance(held, tuple) else list(held.values())


@pytest.mark.parametrize("instruction_id", sorted(INSTRUCTIONS))
def test_every_type_can_be_asked_for_in_many_ways(instruction_id):
    alike = {re.sub(r"\W", "", wording.lower()) for wordings in all_wordings(instruction_id) for wording in wordings}
    assert len(alike) == sum(map(len, all_wordings(instruction_id)))
    assert len(alike) >= (20 if instruction_id == "language:response_language" else 40)
    assert min(map(len, all_wordings(instruction_id))) >= 16
    assert any("{task}" in wording or "{prompt_to_repeat}" in wording for wording in all_wordings(instruction_id)[0])


@pytest.mark.parametrize("instruction_id", sorted(INSTRUCTIONS))
def test_what_is_asked_names_every_value(instruction_id):
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(KWARGS[instruction_id])
    def named(kwargs):
        instruction = build(instruction_id, kwargs)
        for asked, (name, value) in itertools.product(every_way(instruction), instruction.kwargs.items()):
            if name.endswith("relation") or name == "language":
                continue
            for part in value if isinstance(value, list) else [value]:
                words = [str(part)]
                if isinstance(part, int) and part < 13:
                    words += [NUMBERS[part], ORDINALS[part]]
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
    for asked in every_way(instruction):
        assert not re.search(wrong, asked), asked


@pytest.mark.parametrize(
    ("number", "shown"), [(1, "first"), (12, "twelfth"), (13, "13th"), (22, "22nd"), (111, "111th")]
)
def test_ordinal(number, shown):
    instruction = build(
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 200, "nth_paragraph": number, "first_word": "tea"},
    )
    assert any(f"the {shown} " in asked for asked in every_way(instruction))


@pytest.mark.parametrize("name", ["prompts", "prompts_unseen"])
def test_no_wording_stands_in_an_evaluation_prompt(name):
    """Whole wordings, or the longer part of a frame, but for marks around them, with the values of the prompt's own
    instruction."""
    rows = [json.loads(line) for line in (ROOT / f"data/starter/{name}.jsonl").read_text("utf-8").splitlines()]
    found = set()
    for row in rows:
        for instruction_id, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            for asked in every_way(build(instruction_id, kwargs)):
                asked = asked.replace(kwargs.get("prompt_to_repeat") or "{task}", "{task}")
                said = max(asked.split("{task}"), key=len).strip(" :().!?,\n")
                if said.lower() in row["prompt"].lower():
                    found.add(said)
    assert not found, "; ".join(sorted(found))


def test_a_task_with_several_instructions_is_there_once():
    instructions = [build("startend:quotation"), build("punctuation:no_comma"), build("detectable_format:title")]
    for seed in range(100):
        asked = ask(ASKED, instructions, random.Random(seed))
        assert asked.count(ASKED) == 1
        assert "{" not in asked
