"""Forms that can be seen: bullets, highlights, sections, JSON, a title, a fixed answer."""

import json
import re

from ifeval import patterns
from ifeval.instruction import Instruction, Verdict, plural, register
from ifeval.parameters import integer, pattern
from ifeval.text import Text

ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


@register
class NumberOfBullets(Instruction):
    """Exactly so many lines that start with an asterisk or a dash."""

    id = "detectable_format:number_bullet_lists"
    parameters = {"num_bullets": integer(3)}

    # The sign must be the first thing in its line, and an asterisk not the first of two.
    _stars = re.compile(r"^[^\S\n]*\*[^*].*$", re.MULTILINE)
    _dashes = re.compile(r"^[^\S\n]*-.*$", re.MULTILINE)

    def judge(self, text: Text) -> Verdict:
        count = sum(1 for bullet in (self._stars, self._dashes) for _ in bullet.finditer(text.raw))
        reason = f"{plural(count, 'bullet point')} found, {self.num_bullets} asked"
        return Verdict(count == self.num_bullets, reason)


@register
class ConstrainedResponse(Instruction):
    """One of 'My answer is yes.', 'My answer is no.', 'My answer is maybe.' is in the text."""

    id = "detectable_format:constrained_response"

    def judge(self, text: Text) -> Verdict:
        given = [answer for answer in ANSWERS if answer in text.raw]
        if given:
            return Verdict(True, f"{given[0]!r} found")
        return Verdict(False, f"none of {', '.join(map(repr, ANSWERS))} found")


@register
class NumberOfHighlights(Instruction):
    """At least so many parts highlighted with *one* or **two** asterisks."""

    id = "detectable_format:number_highlighted_sections"
    parameters = {"num_highlights": integer(3)}

    _scans = (re.compile(r"\*[^\n*]*\*"), re.compile(r"\*\*[^\n*]*\*\*"))

    def judge(self, text: Text) -> Verdict:
        count = sum(1 for scan in self._scans for found in scan.findall(text.raw) if found.strip("*").strip())
        reason = f"{plural(count, 'highlighted part')} found, at least {self.num_highlights} asked"
        return Verdict(count >= self.num_highlights, reason)


@register
class MultipleSections(Instruction):
    """At least so many sections, each begun by the given word and a number."""

    id = "detectable_format:multiple_sections"
    parameters = {"section_spliter": pattern("SECTION"), "num_sections": integer(3)}

    def judge(self, text: Text) -> Verdict:
        splitter = self.section_spliter.strip()
        count = patterns.numbered_pieces(splitter, text.raw) - 1
        reason = f"{plural(count, 'section')} begun by {splitter!r} and a number found"
        return Verdict(count >= self.num_sections, f"{reason}, at least {self.num_sections} asked")


@register
class JsonFormat(Instruction):
    """The whole response is JSON, in a code fence or not."""

    id = "detectable_format:json_format"

    def judge(self, text: Text) -> Verdict:
        body = text.stripped
        for fence in ("```json", "```Json", "```JSON", "```"):
            body = body.removeprefix(fence)
        try:
            json.loads(body.removesuffix("```").strip())
        except RecursionError:  # the official scorer crashes here
            return Verdict(False, "JSON too deeply nested to read")
        except ValueError as error:
            return Verdict(False, f"not JSON: {error}")
        return Verdict(True, "valid JSON")


@register
class Title(Instruction):
    """A title in double angular brackets: <<title>>."""

    id = "detectable_format:title"

    def judge(self, text: Text) -> Verdict:
        for line in text.raw.split("\n"):
            start, end = line.find("<<"), line.rfind(">>")
            # A match is as long as it can be, and has a character or more between its brackets.
            if start >= 0 and end >= start + 3:
                title = line[start : end + 2].lstrip("<").rstrip(">").strip()
                if title:
                    return Verdict(True, f"title {title[:80]!r} found")
        return Verdict(False, "no title in <<double angular brackets>> found")
