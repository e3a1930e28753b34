"""Keywords that must, may or must not appear. User strings are regular expressions here, as in the paper's code."""

import random
import re

from ifeval import patterns
from ifeval.instructions.base import Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import bound_beside, compare, impossible_bound, plural
from ifeval.instructions.wordings import existence, forbidden_words, frequency, letter_frequency
from ifeval.parameters import character, integer, pattern, relation
from ifeval.parameters import patterns as pattern_list
from ifeval.prose import content_words
from ifeval.text import Text

# Common words: an answer has to make an effort to avoid them.
_COMMON = (
    "very really thing things good great best important people often usually always never however therefore "
    "because example different simple easy quickly actually simply just many time world life help work small "
    "large start first finally also perhaps today best better little kind nice amazing perfect special"
).split()


@register
class LetterFrequency(Instruction):
    """One letter, in either case, appears less than, or at least, so many times.

    A character that is not a letter is counted as it stands; the official scorer in lm-eval draws a
    random letter instead.
    """

    id = "keywords:letter_frequency"
    parameters = {"letter": character("e"), "let_frequency": integer(10), "let_relation": relation()}
    layer = Layer.COUNTS
    on_long_texts = True
    wordings = letter_frequency.WORDINGS

    def impossible(self) -> str | None:
        return impossible_bound(self.let_relation, self.let_frequency)

    def judge(self, text: Text) -> Verdict:
        letter = self.letter.lower()
        # The official checker counts single characters; the small form of one capital, U+0130, is two.
        count = text.lower.count(letter) if len(letter) == 1 else 0
        reason = f"{self.letter!r} found {plural(count, 'time')}, {self.let_relation} {self.let_frequency} asked"
        return Verdict(compare(count, self.let_relation, self.let_frequency), reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """A bound beside the number that it has of some letter."""
        letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
        number, relation = bound_beside(text.lower().count(letter), rng, at_least=0.7)
        return text, {"letter": letter, "let_frequency": number, "let_relation": relation}


@register
class KeywordsExist(Instruction):
    """Every keyword appears, in any case, also inside longer words."""

    id = "keywords:existence"
    parameters = {"keywords": pattern_list(["harbour", "tide"])}
    layer = Layer.COUNTS
    on_long_texts = True
    wordings = existence.WORDINGS

    def judge(self, text: Text) -> Verdict:
        missing = [word for word in self.keywords if not patterns.found(word, text.raw)]
        if missing:
            return Verdict(False, f"missing: {', '.join(map(repr, missing))}")
        return Verdict(True, f"all of {', '.join(map(repr, self.keywords))} found")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Asks for words that are there: first for such as neither the task nor another answer to it holds.

        Only the instruction explains these.
        """
        words, count = content_words(text), rng.choice((1, 2, 2, 3))
        said = f"{around.task} {around.other}".lower()
        telling = [word for word in words if word not in said]
        words = telling if len(telling) >= count else words
        return (text, {"keywords": rng.sample(words, count)}) if len(words) >= count else None


@register
class KeywordFrequency(Instruction):
    """One keyword appears less than, or at least, so many times, also inside longer words."""

    id = "keywords:frequency"
    parameters = {"keyword": pattern("river"), "frequency": integer(3), "relation": relation()}
    layer = Layer.COUNTS
    on_long_texts = True
    wordings = frequency.WORDINGS

    def impossible(self) -> str | None:
        return impossible_bound(self.relation, self.frequency)

    def judge(self, text: Text) -> Verdict:
        count = patterns.count(self.keyword.strip(), text.raw)
        reason = f"{self.keyword!r} found {plural(count, 'time')}, {self.relation} {self.frequency} asked"
        return Verdict(compare(count, self.relation, self.frequency), reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Asks for a word at least as often as it occurs, or less often than a bound just above that."""
        words = content_words(text)
        counts = {word: len(re.findall(word, text, re.IGNORECASE)) for word in words}
        often = [word for word in words if counts[word] > 1]
        if often and rng.random() < 0.7:
            word = rng.choice(often)
            return text, {"keyword": word, "frequency": counts[word], "relation": "at least"}
        if not words:
            return None
        word = rng.choice(words)
        return text, {"keyword": word, "frequency": counts[word] + rng.randint(1, 2), "relation": "less than"}


@register
class ForbiddenWords(Instruction):
    """None of the words appears as a whole word, in any case."""

    id = "keywords:forbidden_words"
    parameters = {"forbidden_words": pattern_list(["very", "really"])}
    layer = Layer.COUNTS
    wordings = forbidden_words.WORDINGS

    def judge(self, text: Text) -> Verdict:
        used = [word for word in self.forbidden_words if patterns.found(rf"\b{word}\b", text.raw)]
        if used:
            return Verdict(False, f"forbidden but used: {', '.join(map(repr, used))}")
        return Verdict(True, "no forbidden word used")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Forbids common words that are not there."""
        held = text.lower()
        absent = sorted({word for word in _COMMON if word not in held})
        return (text, {"forbidden_words": rng.sample(absent, rng.randint(1, 3))}) if len(absent) > 2 else None
