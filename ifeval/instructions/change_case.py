"""Capitals and lower case."""

from ifeval.instruction import Instruction, Verdict, compare, impossible_bound, plural, register
from ifeval.parameters import integer, relation
from ifeval.text import Text


@register
class CapitalWordFrequency(Instruction):
    """Less than, or at least, so many words in capitals, as NLTK divides words."""

    id = "change_case:capital_word_frequency"
    parameters = {"capital_frequency": integer(4), "capital_relation": relation()}

    def impossible(self) -> str | None:
        return impossible_bound(self.capital_relation, self.capital_frequency)

    def judge(self, text: Text) -> Verdict:
        count = len(text.capital_words)
        shown = f" ({', '.join(text.capital_words[:5])}{', ...' if count > 5 else ''})" if count else ""
        reason = f"{plural(count, 'word')} in capitals{shown} found"
        reason = f"{reason}, {self.capital_relation} {self.capital_frequency} asked"
        return Verdict(compare(count, self.capital_relation, self.capital_frequency), reason)


@register
class EnglishCapital(Instruction):
    """English, and every letter a capital."""

    id = "change_case:english_capital"

    def judge(self, text: Text) -> Verdict:
        return _in_case(text, text.raw.isupper(), "capitals", str.islower)


@register
class EnglishLowercase(Instruction):
    """English, and no capital letter."""

    id = "change_case:english_lowercase"

    def judge(self, text: Text) -> Verdict:
        return _in_case(text, text.raw.islower(), "lower case", str.isupper)


def _in_case(text: Text, in_case: bool, case: str, other) -> Verdict:
    if not in_case:
        wrong = sum(map(other, text.raw))
        found = plural(wrong, "letter") + " in the other case" if wrong else "no letter that has a case"
        return Verdict(False, f"not all in {case}: {found}")
    if text.language not in ("en", None):  # the official checker passes what has no language
        return Verdict(False, f"in {case}, but detected {text.language!r}, 'en' asked")
    return Verdict(True, f"English in {case}")
