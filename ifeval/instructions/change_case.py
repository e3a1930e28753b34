"""Capitals and lower case."""

import random
import re

from ifeval.instructions.base import LETTERS, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import compare, impossible_bound, plural
from ifeval.instructions.wordings import capital_word_frequency, english_capital, english_lowercase
from ifeval.parameters import integer, relation
from ifeval.prose import content_words
from ifeval.text import Text


@register
class CapitalWordFrequency(Instruction):
    """Less than, or at least, so many words in capitals, as NLTK divides words."""

    id = "change_case:capital_word_frequency"
    parameters = {"capital_frequency": integer(4), "capital_relation": relation()}
    layer = Layer.COUNTS
    claims = (LETTERS,)
    wordings = capital_word_frequency.WORDINGS

    def impossible(self) -> str | None:
        return impossible_bound(self.capital_relation, self.capital_frequency)

    def judge(self, text: Text) -> Verdict:
        count = len(text.capital_words)
        shown = f" ({', '.join(text.capital_words[:5])}{', ...' if count > 5 else ''})" if count else ""
        reason = f"{plural(count, 'word')} in capitals{shown} found"
        reason = f"{reason}, {self.capital_relation} {self.capital_frequency} asked"
        return Verdict(compare(count, self.capital_relation, self.capital_frequency), reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Capitals for some words that matter, or a bound above what is there."""
        count = len(Text(text).capital_words)
        if rng.random() < 0.3:
            return text, {"capital_frequency": count + rng.randint(1, 4), "capital_relation": "less than"}
        words, more = content_words(text), rng.randint(1, 5)
        if len(words) < more:
            return None
        for word in rng.sample(words, more):
            text = re.sub(rf"\b{word}\b", word.upper(), text, count=1)
        found = len(Text(text).capital_words)
        return text, {"capital_frequency": min(found, count + more), "capital_relation": "at least"}


@register
class EnglishCapital(Instruction):
    """English, and every letter a capital."""

    id = "change_case:english_capital"
    layer = Layer.CASE
    claims = (LETTERS,)
    wordings = english_capital.WORDINGS

    def judge(self, text: Text) -> Verdict:
        return _in_case(text, text.raw.isupper(), "capitals", str.islower)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        return text.upper(), {}


@register
class EnglishLowercase(Instruction):
    """English, and no capital letter."""

    id = "change_case:english_lowercase"
    layer = Layer.CASE
    claims = (LETTERS,)
    wordings = english_lowercase.WORDINGS

    def judge(self, text: Text) -> Verdict:
        return _in_case(text, text.raw.islower(), "lower case", str.isupper)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        return text.lower(), {}


def _in_case(text: Text, in_case: bool, case: str, other) -> Verdict:
    if not in_case:
        wrong = sum(map(other, text.raw))
        found = plural(wrong, "letter") + " in the other case" if wrong else "no letter that has a case"
        return Verdict(False, f"not all in {case}: {found}")
    if text.language not in ("en", None):  # as in the official checker, a text without a detectable language passes
        return Verdict(False, f"in {case}, but detected {text.language!r}, 'en' asked")
    return Verdict(True, f"English in {case}")
