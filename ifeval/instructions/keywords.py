"""Keywords that must, may or must not appear. User strings are regular expressions here, as in the paper's code."""

from ifeval import patterns
from ifeval.instruction import Instruction, Verdict, compare, impossible_bound, plural, register
from ifeval.parameters import character, integer, pattern, relation
from ifeval.parameters import patterns as pattern_list
from ifeval.text import Text


@register
class KeywordsExist(Instruction):
    """Every keyword appears, in any case, also inside longer words."""

    id = "keywords:existence"
    parameters = {"keywords": pattern_list(["harbour", "tide"])}

    def judge(self, text: Text) -> Verdict:
        missing = [word for word in self.keywords if not patterns.found(word, text.raw)]
        if missing:
            return Verdict(False, f"missing: {', '.join(map(repr, missing))}")
        return Verdict(True, f"all of {', '.join(map(repr, self.keywords))} found")


@register
class KeywordFrequency(Instruction):
    """One keyword appears less than, or at least, so many times, also inside longer words."""

    id = "keywords:frequency"
    parameters = {"keyword": pattern("river"), "frequency": integer(3), "relation": relation()}

    def impossible(self) -> str | None:
        return impossible_bound(self.relation, self.frequency)

    def judge(self, text: Text) -> Verdict:
        count = patterns.count(self.keyword.strip(), text.raw)
        reason = f"{self.keyword!r} found {plural(count, 'time')}, {self.relation} {self.frequency} asked"
        return Verdict(compare(count, self.relation, self.frequency), reason)


@register
class ForbiddenWords(Instruction):
    """None of the words appears as a whole word, in any case."""

    id = "keywords:forbidden_words"
    parameters = {"forbidden_words": pattern_list(["very", "really"])}

    def judge(self, text: Text) -> Verdict:
        used = [word for word in self.forbidden_words if patterns.found(rf"\b{word}\b", text.raw)]
        if used:
            return Verdict(False, f"forbidden but used: {', '.join(map(repr, used))}")
        return Verdict(True, "no forbidden word used")


@register
class LetterFrequency(Instruction):
    """One letter, in either case, appears less than, or at least, so many times.

    A character that is not a letter is counted as it stands; the official scorer in lm-eval draws a
    random letter instead.
    """

    id = "keywords:letter_frequency"
    parameters = {"letter": character("e"), "let_frequency": integer(10), "let_relation": relation()}

    def impossible(self) -> str | None:
        return impossible_bound(self.let_relation, self.let_frequency)

    def judge(self, text: Text) -> Verdict:
        count = text.lower.count(self.letter.lower())
        reason = f"{self.letter!r} found {plural(count, 'time')}, {self.let_relation} {self.let_frequency} asked"
        return Verdict(compare(count, self.let_relation, self.let_frequency), reason)
