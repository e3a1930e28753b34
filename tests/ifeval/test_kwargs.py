"""Kwargs of every type with whatever a prompts file may hold: each is taken, or refused in words; nothing else."""

import contextlib
import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ifeval import INSTRUCTIONS, InstructionError, build, judge, patterns

PIECES = (
    r"a b B . | ( ) (a|a) (?:a|b) (?i) (?s) (?x) (?-i:a) (?P<n>a) (?P=n) (?=a) (?<!b) "
    r"[ab] [ ] \b \B \Z \A \S \1 * + ? {2} {2,}"
)
PATTERNS = st.lists(st.sampled_from([*PIECES.split(), " ", "#", "\\", "é", "\ud800", "1"]), max_size=8).map("".join)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 12)
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, 1e308])
    | PATTERNS
    | st.text(max_size=6)
    | st.sampled_from(["less than", "at least", "en", "de", "xx", "P.S.", "P.P.S"])
)
VALUES = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(max_size=3), LEAVES, max_size=2)
RESPONSES = ["", "ab a b aB.\n\nSection 1 a1 P.S. b [x] *y*", "\ud800aa\n***\nb", '{"a": 1}']


@st.composite
def asked(draw):
    """An instruction id and kwargs: most are its own keys, most with values of the right kind."""
    name = draw(st.sampled_from(sorted(INSTRUCTIONS)))
    kwargs = {}
    for key, parameter in INSTRUCTIONS[name].parameters.items():
        like = {"int": st.integers(0, 9), "str": PATTERNS, "list": st.lists(PATTERNS, min_size=1, max_size=3)}
        own = next((values for kind, values in like.items() if parameter.kind.startswith(kind)), LEAVES)
        kwargs[key] = draw(st.one_of(own, own, st.just(parameter.example), VALUES))
    if draw(st.integers(0, 20)) == 0:
        kwargs[draw(st.text(max_size=5))] = draw(VALUES)
    return name, kwargs


def in_this_process(pattern, text, how, given=None):
    """What the process of its own does, without its start."""
    compiled = patterns._compiled(pattern, re.IGNORECASE)
    return sum(1 for _ in compiled.finditer(text)) if how == "all" else int(compiled.search(text) is not None)


@settings(max_examples=800, suppress_health_check=list(HealthCheck))
@given(asked())
def test_any_kwargs(question):
    name, kwargs = question
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(patterns, "_isolated", in_this_process)
        try:
            instruction = build(name, kwargs)
        except InstructionError as error:
            assert len(str(error)) < 1500  # noqa: PT017
            assert str(error).isprintable()  # noqa: PT017
            return
        for response in RESPONSES:
            for strict, loose, reason in judge([instruction], response):
                assert loose >= strict
                assert reason


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(PATTERNS, st.text("abB1. ", max_size=8))
def test_a_process_of_its_own_finds_the_same(pattern, text):
    with contextlib.suppress(InstructionError):
        for how in ("first", "all"):
            assert patterns._isolated(pattern, text, how) == in_this_process(pattern, text, how)


@pytest.mark.parametrize("pattern", ["(a|a)" * 34 + "b", "(?:a|a)" * 34 + "b", "(a|ab|b)" * 40 + "c", "(a*)*b"])
def test_alternatives_in_groups_are_not_searched_without_a_limit(monkeypatch, pattern):
    monkeypatch.setattr(patterns, "LIMIT_S", 0.2)
    text = "ab" * 40 if "ab" in pattern else "a" * 40
    for search in (patterns.found, patterns.found_as_is, patterns.count, patterns.numbered_pieces):
        with pytest.raises(InstructionError, match="takes over 0.2 s"):
            search(pattern, text)


def test_a_long_plain_pattern_is_not_searched_without_a_limit(monkeypatch):
    """All of it is compared at each place."""
    monkeypatch.setattr(patterns, "LIMIT_S", 0.2)
    for search in (patterns.found, patterns.found_as_is, patterns.count, patterns.numbered_pieces):
        with pytest.raises(InstructionError, match=r"the pattern '\S+\.\.\. takes over 0.2 s") as raised:
            search("[ab]" * 20_000 + "b", "a" * 100_000)
        assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("keywords:existence", "keywords"),
        ("keywords:forbidden_words", "forbidden_words"),
        ("keywords:frequency", "keyword"),
        ("detectable_content:postscript", "postscript_marker"),
        ("detectable_format:multiple_sections", "section_spliter"),
    ],
)
def test_a_pattern_of_millions_of_characters_is_refused(name, key):
    example = {each: parameter.example for each, parameter in INSTRUCTIONS[name].parameters.items()}
    long = "ab" * 1_000_000
    with pytest.raises(InstructionError, match=rf"{name}: '{key}' must have at most 100,000 characters") as raised:
        build(name, example | {key: [long] if isinstance(example[key], list) else long})
    assert len(str(raised.value)) < 500


def test_what_python_warns_of_is_not_printed(recwarn):
    keyword = build("keywords:existence", {"keywords": ["[[a]", "[a||b]", "[b&&a]"]})
    assert keyword.check("a")
    assert not recwarn.list


@pytest.mark.parametrize("pattern", ["river", "a|b", "colou[rz]", "(ab)c", "C\\+\\+", "a.c", "\\(a\\|b\\)"])
def test_plain_patterns_stay_in_this_process(monkeypatch, pattern):
    monkeypatch.setattr(patterns, "_isolated", lambda *_: pytest.fail("a process of its own"))
    patterns.found(pattern, "text")


@pytest.mark.parametrize(
    ("name", "kwargs", "follows", "breaks"),
    [
        ("detectable_content:postscript", {"postscript_marker": "(?i)x!"}, "so X! yes", "so X"),
        ("detectable_content:postscript", {"postscript_marker": "(?s)(?x)n b # c"}, "NB", "n"),
        (
            "detectable_format:multiple_sections",
            {"section_spliter": "(?i)part", "num_sections": 2},
            "PART 1 part 2",
            "PART 1",
        ),
        ("keywords:forbidden_words", {"forbidden_words": ["(?i)bad"]}, "badly", "so BAD"),
        ("keywords:existence", {"keywords": ["(?i)good"]}, "GOOD", "goo"),
    ],
)
def test_flags_at_the_beginning_hold_wherever_the_pattern_is_put(name, kwargs, follows, breaks):
    instruction = build(name, kwargs)
    assert instruction.check(follows)
    assert not instruction.check(breaks)


@pytest.mark.parametrize("padding", ["null", "NaN"])
def test_padding_is_no_value(padding):
    kwargs = json.loads(f'{{"num_bullets": 2.0, "keywords": {padding}, "relation": {padding}}}')
    assert build("detectable_format:number_bullet_lists", kwargs).check("* a\n* b")
