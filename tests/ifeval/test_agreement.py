"""Verdict for verdict the same as the official scorer; tests/ifeval/official.py lists the exceptions."""

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from ifeval import INSTRUCTIONS, build, judge
from tests.ifeval import official
from tests.ifeval.cases import KWARGS
from tests.ifeval.texts import EDGES, texts

EXAMPLES = 220  # 25 types, so 5,500 generated pairs of kwargs and response, and the hand-made edges


def ours(ids, kwargs, response):
    results = judge([build(*pair) for pair in zip(ids, kwargs, strict=True)], response)
    return [strict for strict, _, _ in results], [loose for _, loose, _ in results]


def test_every_type_is_compared():
    assert set(KWARGS) == set(INSTRUCTIONS)
    assert len(INSTRUCTIONS) == 25


@pytest.mark.parametrize("instruction_id", sorted(KWARGS))
def test_generated_responses(instruction_id):
    @seed(2311)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(KWARGS[instruction_id], texts)
    def compare(kwargs, response):
        assert ours([instruction_id], [kwargs], response) == official.verdicts([instruction_id], [kwargs], response)

    compare()


@pytest.mark.parametrize("instruction_id", sorted(KWARGS))
def test_edges(instruction_id):
    @seed(7911)
    @settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(KWARGS[instruction_id])
    def compare(kwargs):
        for response in EDGES:
            expected = official.verdicts([instruction_id], [kwargs], response)
            assert ours([instruction_id], [kwargs], response) == expected, response

    compare()


@pytest.mark.parametrize(
    ("instruction_id", "kwargs", "unit"),
    [
        ("keywords:frequency", {"keyword": "river", "frequency": 3}, "river "),
        ("keywords:letter_frequency", {"letter": "z", "let_frequency": 3}, "z"),
        ("length_constraints:number_sentences", {"num_sentences": 3}, "This is one sentence. "),
        ("length_constraints:number_words", {"num_words": 3}, "word "),
        ("length_constraints:number_paragraphs", {"num_paragraphs": 3}, "text ***"),
        ("detectable_content:number_placeholders", {"num_placeholders": 3}, "[x] "),
        ("detectable_format:number_bullet_lists", {"num_bullets": 3}, "* point\n"),
        ("detectable_format:number_highlighted_sections", {"num_highlights": 3}, "*part* \n"),
        ("detectable_format:multiple_sections", {"section_spliter": "SECTION", "num_sections": 3}, "SECTION 1 text "),
        ("change_case:capital_word_frequency", {"capital_frequency": 3}, "NASA "),
    ],
)
@pytest.mark.parametrize("relation", ["less than", "at least"])
def test_one_less_exactly_and_one_more(instruction_id, kwargs, unit, relation):
    names = [name for name in INSTRUCTIONS[instruction_id].parameters if name.endswith("relation")]
    kwargs = {**kwargs, **dict.fromkeys(names, relation)}
    verdicts = []
    for count in (2, 3, 4):
        expected = official.verdicts([instruction_id], [kwargs], unit * count)
        assert ours([instruction_id], [kwargs], unit * count) == expected
        verdicts.append(expected[0][0])
    assert len(set(verdicts)) == 2


@pytest.mark.parametrize("marker", [" P.S. ", "P.P.S\n", "P.S. ", " PS", "^PS", "^P{1}S", "bye$", "by+e$"])
@pytest.mark.parametrize("response", ["Text.\nP.S. bye", "Text.\nP.P.S bye", "Text.\nPS bye\nMore.", "Text, PS\nbye."])
def test_postscript_markers_are_stripped_and_searched_for_by_line(marker, response):
    case = ["detectable_content:postscript"], [{"postscript_marker": marker}], response
    assert ours(*case) == official.verdicts(*case)


def test_postscripts_that_are_found():
    for marker, response in ((" P.S. ", "Text.\nP.S. bye"), ("^PS", "A\nPS bye\nB"), ("^P{1}S", "A\nPS bye\nB")):
        assert ours(["detectable_content:postscript"], [{"postscript_marker": marker}], response) == ([True], [True])


@pytest.mark.parametrize(
    ("asked", "given_word", "followed"),
    [
        ("ΛΟΓΟΣ", "ΛΟΓΟΣ", False),
        ("λογος", "ΛΟΓΟΣ", False),
        ("λογοσ", "ΛΟΓΟΣ", True),
        ("ΛΟΓΟΣ", "Λογος", True),
        ("İzmir", "İZMİR", False),
        ("İzmir", "İZMIR", True),
    ],
)
def test_the_first_word_is_made_small_letter_by_letter(asked, given_word, followed):
    """A capital sigma at the end becomes another letter in the word asked than in the response."""
    kwargs = {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": asked}
    case = ["length_constraints:nth_paragraph_first_word"], [kwargs], given_word
    assert ours(*case) == official.verdicts(*case) == ([followed], [followed])


@given(
    st.lists(st.sampled_from(sorted(KWARGS)), min_size=2, max_size=3).flatmap(
        lambda ids: st.tuples(st.just(ids), st.tuples(*(KWARGS[name] for name in ids)))
    ),
    texts,
)
@settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_several_instructions_of_one_prompt(instructions, response):
    ids, kwargs = instructions
    assert ours(ids, list(kwargs), response) == official.verdicts(ids, list(kwargs), response)
