"""Verdicts and reasons that are decided here: kwargs, blanks, loose variants, words to act on."""

import pytest

from ifeval import INSTRUCTIONS, InstructionError, Text, build, judge, loose_variants


@pytest.mark.parametrize(
    ("instruction_id", "kwargs", "words"),
    [
        ("punctuation:no_coma", {}, ["unknown instruction id", "did you mean 'punctuation:no_comma'"]),
        ("punctuation:no_comma", {"commas": 1}, ["punctuation:no_comma", "unknown key 'commas'", "takes no kwargs"]),
        ("keywords:frequency", {"keyword": "a", "frequency": 1}, ["'relation' is missing"]),
        ("keywords:frequency", {"keyword": "a", "frequency": "1", "relation": "at least"}, ["whole number", "'1'"]),
        ("keywords:frequency", {"keyword": "a", "frequency": -1, "relation": "at least"}, ["at least 0"]),
        ("keywords:frequency", {"keyword": "a", "frequency": True, "relation": "at least"}, ["whole number"]),
        ("keywords:frequency", {"keyword": "a", "frequency": 1, "relation": "at leats"}, ["did you mean 'at least'"]),
        ("keywords:frequency", {"keyword": "a", "frequency": 0, "relation": "less than"}, ["cannot be followed"]),
        ("keywords:existence", {"keywords": []}, ["one or more strings"]),
        ("keywords:existence", {"keywords": "word"}, ["list"]),
        ("keywords:existence", {"keywords": ["("]}, ["'keywords'", "regular expression", r"'\\('"]),
        ("keywords:letter_frequency", {"letter": "ab", "let_frequency": 1, "let_relation": "at least"}, ["single"]),
        ("language:response_language", {"language": "zh"}, ["'language'", "did you mean 'zh-"]),
        ("startend:end_checker", {"end_phrase": 'he said "no"'}, ["no response can end with"]),
        ("combination:repeat_prompt", {"prompt_to_repeat": " "}, ["must not be blank"]),
        ("keywords:existence", {"keywords": ["tide", " "]}, ["'keywords' must not be blank"]),
        ("startend:end_checker", {"end_phrase": " "}, ["'end_phrase' must not be blank"]),
        ("detectable_content:postscript", {"postscript_marker": "?PS"}, ["'postscript_marker'", "regular expression"]),
        ("length_constraints:number_paragraphs", {"num_paragraphs": -1}, ["'num_paragraphs' must be at least 0"]),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 3, "first_word": "a"},
            ["'nth_paragraph' is 3", "'num_paragraphs' is only 2"],
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 1, "first_word": "don't"},
            ["no first word can be"],
        ),
        ("punctuation:no_comma", ["x"], ["kwargs must be an object"]),
    ],
)
def test_kwargs_are_checked_when_the_instruction_is_built(instruction_id, kwargs, words):
    with pytest.raises(InstructionError) as raised:
        build(instruction_id, kwargs)
    for word in words:
        assert word in str(raised.value)


def test_nulls_and_whole_floats_are_taken_as_data_frames_write_them():
    padded = {"num_bullets": 2.0, "keywords": None, "relation": None}
    assert build("detectable_format:number_bullet_lists", padded).kwargs == {"num_bullets": 2}


@pytest.mark.parametrize("instruction_id", sorted(INSTRUCTIONS))
def test_examples_of_the_listing_can_be_built_and_a_blank_response_follows_nothing(instruction_id):
    cls = INSTRUCTIONS[instruction_id]
    instruction = build(instruction_id, {key: parameter.example for key, parameter in cls.parameters.items()})
    assert cls.__doc__
    for blank in ("", " \n\t", "\xa0\u2028"):
        assert not instruction.check(blank)
        assert judge([instruction], blank) == [(False, False, "the response is blank")]


@pytest.mark.parametrize(
    ("instruction_id", "kwargs", "response", "reason"),
    [
        (
            "detectable_format:number_bullet_lists",
            {"num_bullets": 2},
            "* a\n* b\n* c\n* d\n* e",
            "5 bullet points found, 2 asked",
        ),
        ("keywords:existence", {"keywords": ["tide", "sand"]}, "High tide.", "missing: 'sand'"),
        ("keywords:forbidden_words", {"forbidden_words": ["tide"]}, "High tide.", "forbidden but used: 'tide'"),
        ("punctuation:no_comma", {}, "a, b, c, d", "3 commas found, none asked"),
        ("language:response_language", {"language": "de"}, "This is an English sentence.", "detected 'en', 'de' asked"),
        ("change_case:english_lowercase", {}, "Two Words", "2 letters in the other case"),
        ("startend:end_checker", {"end_phrase": "The end."}, "And so on and so forth", "'The end.' asked"),
        (
            "length_constraints:number_words",
            {"num_words": 3, "relation": "less than"},
            "a b c d",
            "4 words found, less than 3",
        ),
        ("detectable_format:json_format", {}, "{'a': 1}", "not JSON: Expecting property name"),
        ("combination:two_responses", {}, "one", "1 response divided by '******' found, 2 asked"),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 1, "nth_paragraph": 1, "first_word": "Later"},
            "**Later** that day",
            "paragraph 1 starts with '**later**', 'later' asked",
        ),
    ],
)
def test_reasons_say_what_was_found_and_what_was_asked(instruction_id, kwargs, response, reason):
    ((strict, _, said),) = judge([build(instruction_id, kwargs)], response)
    assert not strict
    assert reason in said


def test_the_reason_says_what_has_to_go_for_the_loose_criterion():
    quotation = build("startend:quotation")
    assert judge([quotation], 'Sure:\n"Yes."') == [
        (False, True, "starts with 'S' and ends with '\"', '\"' and '\"' asked; followed without the first line")
    ]


def test_loose_variants_are_the_official_eight_without_blank_and_repeated_ones():
    text = Text("*Hi*\nb\nc")
    assert [variant.raw for _, variant in loose_variants(text)] == ["Hi\nb\nc", "b\nc", "*Hi*\nb", "b", "Hi\nb"]
    assert [variant.raw for _, variant in loose_variants(Text("one line"))] == []


def test_no_paragraph_is_a_number_of_paragraphs():
    none = build("length_constraints:number_paragraphs", {"num_paragraphs": 0})
    assert all(map(none.check, ("***", " *** ")))
    assert not any(map(none.check, ("a", "a ***", "******", "")))
    assert judge([none], "***")[0][:2] == (True, True)


def test_a_character_that_is_no_letter_is_counted_as_it_stands():
    hashes = build("keywords:letter_frequency", {"letter": "#", "let_frequency": 4, "let_relation": "at least"})
    assert hashes.check("# a ## b #")
    assert not hashes.check("# a ## b")


def test_a_letter_whose_small_form_is_two_characters_is_found_nowhere():
    """The official checker looks it up among the text's single characters."""
    rare = build("keywords:letter_frequency", {"letter": "\u0130", "let_frequency": 1, "let_relation": "less than"})
    assert rare.check("\u0130zmir, i\u0307")
    kelvin = build("keywords:letter_frequency", {"letter": "\u212a", "let_frequency": 2, "let_relation": "at least"})
    assert kelvin.check("Kk")
