"""What impose gives back follows what its kwargs ask, here and by the official scorer, whatever the text."""

import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ifeval import INSTRUCTIONS, build, describe
from ifeval.impose import IMPOSERS, ORDER, impose
from ifeval.impose.register import sentences
from ifeval.wordings import WORDINGS
from tests.ifeval import official
from tests.ifeval.cases import KWARGS
from tests.ifeval.texts import texts
from tests.tiny import ROOT

PROSE = (
    "Tea comes from a single plant, an evergreen shrub with glossy leaves. Picked leaves start to wither at once. "
    "If they are heated early, they stay green and taste fresh; if they are rolled and left in the air, they turn "
    "dark, strong and malty. Water and air decide the rest. Most gardens lie high in the hills, where nights are cool."
)
LIST = "1. Rinse the rice twice.\n2. Boil it for ten minutes.\n3. Let it rest under a cloth."
ASKED = "Explain where tea comes from."


def imposed(instruction_id, text, seed, **around):
    return impose(instruction_id, text, random.Random(seed), **around)


@pytest.mark.parametrize("instruction_id", sorted(INSTRUCTIONS))
def test_whatever_is_imposed_is_followed(instruction_id):
    @settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(texts, texts, st.integers(0, 999))
    def law(text, other, seed):
        found = imposed(instruction_id, text, seed, task=ASKED, other=other)
        if found is not None:
            assert build(instruction_id, found.kwargs).check(found.response)
            assert official.verdicts([instruction_id], [found.kwargs], found.response)[0] == [True]

    law()


@pytest.mark.parametrize("instruction_id", sorted(INSTRUCTIONS))
def test_prose_can_follow_every_type(instruction_id):
    text = f"Yes. {PROSE}" if instruction_id == "detectable_format:constrained_response" else PROSE
    found = [imposed(instruction_id, text, seed, task=ASKED, other=LIST) for seed in range(30)]
    assert sum(result is not None for result in found) >= 20
    several = [result for result in found if result is not None]
    assert several[0] == imposed(instruction_id, text, found.index(several[0]), task=ASKED, other=LIST)


def test_every_type_has_its_place_in_the_order():
    assert sorted(ORDER) == sorted(IMPOSERS) == sorted(INSTRUCTIONS)


@pytest.mark.parametrize(
    "instruction_id",
    [
        "length_constraints:number_paragraphs",
        "length_constraints:nth_paragraph_first_word",
        "detectable_format:number_bullet_lists",
        "detectable_format:number_highlighted_sections",
        "detectable_content:postscript",
        "startend:quotation",
        "change_case:english_lowercase",
        "change_case:english_capital",
        "combination:repeat_prompt",
        "detectable_format:title",
        "punctuation:no_comma",
        "detectable_format:json_format",
    ],
)
def test_the_text_keeps_what_it_says(instruction_id):
    """Every word is still there, in its order."""
    said = re.findall(r"\w+", PROSE.lower())
    for seed in range(10):
        found = imposed(instruction_id, PROSE, seed, task=ASKED)
        rest = iter(re.findall(r"\w+", found.response.lower().replace("\\n", " ")))
        assert all(word in rest for word in said), found.response


def test_commas_are_replaced_and_not_only_left_out():
    changed = imposed("punctuation:no_comma", "Bread, milk, and 1,500 eggs. In May, we left, as planned, by train.", 0)
    assert changed.response == "Bread and milk and 1500 eggs. In May we left – as planned – by train."
    assert imposed("punctuation:no_comma", "```python\nprint(1, 2)\n```", 0) is None


def test_a_list_that_is_there_becomes_bullets():
    found = imposed("detectable_format:number_bullet_lists", LIST, 0)
    assert found.response.startswith("* Rinse the rice twice.\n* Boil it")
    assert found.kwargs == {"num_bullets": 3}


def test_json_holds_the_text():
    found = imposed("detectable_format:json_format", PROSE, 3)
    values = json.loads(found.response.removeprefix("```json").removesuffix("```"))
    assert " ".join(values.values()) == PROSE


def test_keywords_are_what_neither_the_task_nor_another_answer_holds():
    other = "Tea is made of the leaves of an evergreen shrub. Most gardens lie in the hills."
    asked = [
        imposed("keywords:existence", PROSE, seed, task=ASKED, other=other).kwargs["keywords"] for seed in range(99)
    ]
    words = {word for keywords in asked for word in keywords}
    assert "wither" in words
    assert all(word in PROSE and word not in f"{ASKED} {other}" for word in words)
    assert imposed("keywords:existence", PROSE, 0, task=PROSE) is not None


def test_a_fixed_answer_is_the_one_that_was_given():
    answers = {"Yes, by all means.": "yes", "No. It is not.": "no", "It depends on the weather.": "maybe"}
    for text, answer in answers.items():
        assert imposed("detectable_format:constrained_response", text, 0).response == f"My answer is {answer}."
    assert imposed("detectable_format:constrained_response", PROSE, 0) is None


def all_wordings(instruction_id):
    held = WORDINGS[instruction_id]
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
        asked = describe.describe(instruction, random.Random(seed))
        for name, value in instruction.kwargs.items():
            if name.endswith("relation") or name == "language":
                continue
            for part in value if isinstance(value, list) else [value]:
                words = [str(part)] + ([describe._NUMBERS[part]] if isinstance(part, int) and part < 13 else [])
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
        asked = describe.describe(instruction, random.Random(seed))
        assert not re.search(wrong, asked), asked


def test_no_wording_stands_in_an_evaluation_prompt():
    """Whole wordings but for marks around them, with their values replaced by those of the prompt's own instruction."""
    rows = [json.loads(line) for line in (ROOT / "data/starter/prompts.jsonl").read_text("utf-8").splitlines()]
    for row in rows:
        for instruction_id, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            instruction = build(instruction_id, kwargs)
            for seed in range(60):
                asked = describe.describe(instruction, random.Random(seed)).replace("{task}", "")
                if instruction_id == "combination:repeat_prompt":
                    asked = asked.replace(kwargs["prompt_to_repeat"], "").strip()
                assert asked.strip(" :().!?,").lower() not in row["prompt"].lower(), (row["key"], asked)


def test_a_task_with_several_instructions_is_there_once():
    instructions = [build("startend:quotation"), build("punctuation:no_comma"), build("detectable_format:title")]
    for seed in range(100):
        asked = describe.ask(ASKED, instructions, random.Random(seed))
        assert asked.count(ASKED) == 1
        assert "{" not in asked


def test_sentences_are_those_that_the_scorer_counts():
    assert len(sentences(PROSE)) == 5
