"""Things that the text must hold: placeholders and a postscript."""

import random
import re

from ifeval import patterns
from ifeval.instructions.base import ARRANGES, ENDS, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import plural
from ifeval.instructions.wordings import number_placeholders, postscript
from ifeval.parameters import integer, pattern
from ifeval.prose import is_plain, sentences
from ifeval.text import Text

_FILL_INS = (
    ("For questions, write to {}.", "[email]"),
    ("Ask for {}.", "[name]"),
    ("The number is {}.", "[phone]"),
    ("It was written on {}.", "[date]"),
    ("The place is {}.", "[location]"),
    ("More is at {}.", "[website]"),
    ("It was prepared by {}.", "[author]"),
    ("The next one follows on {}.", "[day]"),
)


@register
class NumberOfPlaceholders(Instruction):
    """At least so many placeholders in square brackets, such as [name]."""

    id = "detectable_content:number_placeholders"
    parameters = {"num_placeholders": integer(3)}
    layer = Layer.WORDS
    wordings = number_placeholders.WORDINGS

    def judge(self, text: Text) -> Verdict:
        count = sum(_brackets(line) for line in text.raw.split("\n"))
        reason = f"{plural(count, 'placeholder')} in square brackets found, at least {self.num_placeholders} asked"
        return Verdict(count >= self.num_placeholders, reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Adds what someone else has to fill in; numbers of the text become placeholders first."""
        if not is_plain(text) or "=" in text:
            return None
        count = rng.randint(1, 4)
        changed, replaced = text, 0
        for match in reversed(list(re.finditer(r"(?<![\w.,])\d{1,4}(?![\w.,]\w)", text))):
            if replaced < count:
                changed = f"{changed[: match.start()]}[number]{changed[match.end() :]}"
                replaced += 1
        added = [frame.format(name) for frame, name in rng.sample(_FILL_INS, count - replaced)]
        return "\n\n".join([changed, " ".join(added)] if added else [changed]), {"num_placeholders": count}


def _in_small_letters(marker: str) -> str:
    return marker.strip().lower()


@register
class Postscript(Instruction):
    """A postscript with the given marker, anywhere in the text."""

    id = "detectable_content:postscript"
    parameters = {"postscript_marker": pattern("P.S.", _in_small_letters)}
    layer = Layer.WORDS
    claims = (ARRANGES, ENDS)  # what arranges the whole text would arrange the postscript with the rest
    wordings = postscript.WORDINGS

    _known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}

    def judge(self, text: Text) -> Verdict:
        marker = self.postscript_marker.strip()
        known, small = self._known.get(marker), _in_small_letters(marker)
        found = bool(re.search(known, text.lower)) if known else patterns.found_as_is(small, text.lower)
        return Verdict(found, f"postscript {marker!r} {'found' if found else 'not found'}")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Its last sentence becomes the postscript."""
        parts = sentences(text)
        if len(parts) < 3 or not is_plain(text) or "\n" in text:
            return None
        marker = rng.choice(("P.S.", "P.S.", "P.P.S"))
        return f"{text[: text.rindex(parts[-1])].rstrip()}\n\n{marker} {parts[-1]}", {"postscript_marker": marker}


def _brackets(line: str) -> int:
    """Number of ``[...]`` in a line, each closed at the first bracket that can close it."""
    count, end = 0, 0
    while (start := line.find("[", end)) >= 0 and (close := line.find("]", start)) >= 0:
        count, end = count + 1, close + 1
    return count
