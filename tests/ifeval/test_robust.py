"""No response, however long or strange, crashes or hangs the scorer, and order changes nothing."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ifeval import INSTRUCTIONS, InstructionError, build, judge, patterns
from tests.tiny import ROOT

EXAMPLES = [
    build(name, {key: parameter.example for key, parameter in cls.parameters.items()})
    for name, cls in sorted(INSTRUCTIONS.items())
]
UNIT = 1 << 18  # what grows with the square of the length takes minutes at this length too
LONG = {
    "letters": "a" * 10 * UNIT,
    "words": "word " * (2 * UNIT),
    "sentences": "One more sentence here. " * (UNIT // 32),
    "newlines": "\n" * 10 * UNIT + "x",
    "spaces": " " * 10 * UNIT + "x",
    "stars": "*" * 10 * UNIT,
    "lines of stars": "*\n" * (2 * UNIT),
    "brackets": "[" * 10 * UNIT,
    "angles": "<" * 10 * UNIT,
    "quotes": '"' * 10 * UNIT,
    "deep JSON": "[" * UNIT,
    "digits": "7" * 10 * UNIT,
    "surrogates": "\ud800" * UNIT,
    "controls": "\x00\x1b[2J\x07" * UNIT,
    "dots": "." * 10 * UNIT,
    "dashes": "-" * 10 * UNIT,
}


@pytest.mark.parametrize("name", LONG)
def test_long_texts(name):
    results = judge(EXAMPLES, LONG[name])
    assert len(results) == 25
    assert all(len(reason) < 1000 for _, _, reason in results)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(st.characters(), max_size=300))
def test_any_text(response):
    for strict, loose, reason in judge(EXAMPLES, response):
        assert loose >= strict
        assert reason


def test_a_catastrophic_pattern_is_an_error_and_not_a_hang(monkeypatch):
    keyword = build("keywords:existence", {"keywords": ["(a+)+$"]})
    assert keyword.check("xaaa")
    monkeypatch.setattr(patterns, "LIMIT_S", 1.0)
    with pytest.raises(InstructionError, match="takes over 1 s"):
        keyword.check("a" * 60 + "!")


@pytest.mark.parametrize(
    ("pattern", "text", "count"), [("c\\+\\+", "I like C++.", 1), ("a.c", "abc", 1), ("colou?r", "color COLOUR", 2)]
)
def test_patterns_are_found_in_a_process_of_their_own_as_here(pattern, text, count):
    assert patterns.found(pattern, text)
    assert patterns.count(pattern, text) == count
    assert not patterns.found(pattern, "nothing of the kind")


def test_sections_begun_by_a_pattern():
    assert patterns.numbered_pieces("S?ection", "Section 1 section 2") == 3


def detect(text: str):
    from ifeval import language_detection

    return language_detection.detect(text)


TEXTS = [
    "This is a plain English sentence.",
    "Das ist ein deutscher Satz.",
    "ok",
    "hello",
    "12",
    "Ceci est une phrase.",
]


def test_languages_are_the_same_in_any_order_thread_and_process():
    expected = [detect(text) for text in TEXTS]
    assert expected == [detect(text) for text in reversed(TEXTS)][::-1]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(detect, TEXTS * 8)) == expected * 8
    with ProcessPoolExecutor(2) as pool:
        assert list(pool.map(detect, TEXTS)) == expected


def test_threads_that_start_together_do_not_race():
    """The first call loads the profiles; no thread may see them half loaded."""
    code = (
        "from concurrent.futures import ThreadPoolExecutor as P; from ifeval import build\n"
        "hindi = build('language:response_language', {'language': 'hi'})\n"
        "with P(8) as pool: print(any(pool.map(hindi.check, ['This is a plain English sentence.'] * 8)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
