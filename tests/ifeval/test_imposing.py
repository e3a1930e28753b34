"""What impose gives back follows what its kwargs ask, here and by the official scorer, whatever the text."""

import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ifeval import INSTRUCTIONS, build, impose
from ifeval.imposing import imposing_order
from ifeval.prose import sentences
from tests.ifeval import official
from tests.ifeval.texts import texts

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


def test_the_order_of_imposing():
    """It decides the training data of a seed, so that a change of it is a change of the default run's results."""
    assert imposing_order(reversed(INSTRUCTIONS)) == [
        "detectable_format:constrained_response",
        "detectable_content:number_placeholders",
        "detectable_content:postscript",
        "startend:end_checker",
        "punctuation:no_comma",
        "length_constraints:number_paragraphs",
        "length_constraints:nth_paragraph_first_word",
        "detectable_format:number_bullet_lists",
        "detectable_format:multiple_sections",
        "detectable_format:number_highlighted_sections",
        "detectable_format:title",
        "combination:two_responses",
        "change_case:english_capital",
        "change_case:english_lowercase",
        "length_constraints:number_sentences",
        "length_constraints:number_words",
        "keywords:letter_frequency",
        "keywords:existence",
        "keywords:frequency",
        "keywords:forbidden_words",
        "language:response_language",
        "change_case:capital_word_frequency",
        "detectable_format:json_format",
        "startend:quotation",
        "combination:repeat_prompt",
    ]


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


def test_sentences_are_those_that_the_scorer_counts():
    assert len(sentences(PROSE)) == 5
