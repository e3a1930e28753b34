"""Capitals and lower case."""

import random
import re

from ifeval.instructions.base import LETTERS, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import compare, impossible_bound, plural
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
    wordings = {
        "at least": (
            "Put at least {capital_frequency:word} in all capital letters.",
            "I want to see {capital_frequency} or more words written entirely in capitals.",
            "For emphasis, capitalise every letter of {capital_frequency:word} at the least.",
            "Words in ALL CAPS should occur {capital_frequency:time} or more.",
            "Stress what matters by writing no fewer than {capital_frequency:word} in capitals.",
            "{task} Shout a little: {capital_frequency} or more words in full capitals, please.",
            "A minimum of {capital_frequency:fully capitalised word} is required.",
            "Let {capital_frequency:word} or more stand in upper case from first letter to last.",
        ),
        "less than": (
            "Fewer than {capital_frequency:word} may be in all capitals.",
            "Keep words in ALL CAPS below {capital_frequency}.",
            "Go easy on capitals: less than {capital_frequency:word} written entirely in upper case.",
            "Do not let {capital_frequency} or more words appear fully capitalised.",
            "The number of words in full capitals has to stay under {capital_frequency}.",
            "{task} (Under {capital_frequency:all-caps word}, please.)",
            "No shouting, so words in capitals only should number less than {capital_frequency}.",
            "I will accept words in block capitals as long as there are fewer than {capital_frequency}.",
        ),
    }

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
    wordings = (
        "Answer in English and in capital letters only.",
        "Everything has to be in upper case, in English.",
        "Use English, with every single letter capitalised.",
        "WRITE ONLY IN CAPITALS, AND IN ENGLISH.",
        "In English block capitals throughout: {task}",
        "{task} Your English reply must not hold any small letter.",
        "Caps lock on, please: an English answer in capitals from start to end.",
        "No lower case at all; the whole text is to be English in capitals.",
    )

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
    wordings = (
        "Answer in English using small letters only.",
        "Do not capitalise anything: English, all lower case.",
        "everything in lower case, please, and in english.",
        "No capital letter may occur anywhere in your English answer.",
        "In English, without one capital: {task}",
        "{task} Leave the shift key alone and write English in small letters.",
        "I only want lower-case English, names and sentence starts included.",
        "Even the first word of a sentence is to start with a small letter; write English.",
    )

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
