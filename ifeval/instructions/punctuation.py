"""Signs that must not be used."""

import random
import re

from ifeval.instructions.base import Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import plural
from ifeval.instructions.wordings import no_comma
from ifeval.text import Text


@register
class NoComma(Instruction):
    """No comma anywhere, not even in numbers."""

    id = "punctuation:no_comma"
    layer = Layer.WORDS
    wordings = no_comma.WORDINGS

    def judge(self, text: Text) -> Verdict:
        count = text.raw.count(",")
        return Verdict(count == 0, f"{plural(count, 'comma')} found, none asked" if count else "no comma found")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Removes commas: joins digits, turns lists into "and", drops commas after introductions, else uses dashes."""
        if "```" in text or re.search(r"\w,\w", re.sub(r"\d,\d", "", text)):  # code, or data
            return None
        text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
        text = re.sub(r",(?=\s+(?:and|but|or|so|yet|nor|which|who|while|because|then)\b)", "", text)
        text = re.sub(r"\b(\w+), (\w+),? (and|or) (\w+)", r"\1 \3 \2 \3 \4", text)
        text = re.sub(r"(^|[.!?]\s+)((?:[\w'-]+ ){0,4}[\w'-]+), ", r"\1\2 ", text)  # "In winter, the"
        text = re.sub(r",(?=\s)", " –", text)
        return text.replace(",", " "), {}
