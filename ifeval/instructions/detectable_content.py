"""Things that the text must hold: placeholders and a postscript."""

import re

from ifeval import patterns
from ifeval.instruction import Instruction, Verdict, plural, register
from ifeval.parameters import integer, pattern
from ifeval.text import Text

_POSTSCRIPTS = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}


@register
class NumberOfPlaceholders(Instruction):
    """At least so many placeholders in square brackets, such as [name]."""

    id = "detectable_content:number_placeholders"
    parameters = {"num_placeholders": integer(3)}

    def judge(self, text: Text) -> Verdict:
        count = sum(_brackets(line) for line in text.raw.split("\n"))
        reason = f"{plural(count, 'placeholder')} in square brackets found, at least {self.num_placeholders} asked"
        return Verdict(count >= self.num_placeholders, reason)


@register
class Postscript(Instruction):
    """A postscript with the given marker, anywhere in the text."""

    id = "detectable_content:postscript"
    parameters = {"postscript_marker": pattern("P.S.")}

    def judge(self, text: Text) -> Verdict:
        known = _POSTSCRIPTS.get(self.postscript_marker)
        if known:
            found = re.search(known, text.lower) is not None
        else:
            found = patterns.found_as_is(self.postscript_marker.lower(), text.lower)
        return Verdict(found, f"postscript {self.postscript_marker!r} {'found' if found else 'not found'}")


def _brackets(line: str) -> int:
    """Number of ``[...]`` in a line, each closed at the first bracket that can close it."""
    count, end = 0, 0
    while (start := line.find("[", end)) >= 0 and (close := line.find("]", start)) >= 0:
        count, end = count + 1, close + 1
    return count
