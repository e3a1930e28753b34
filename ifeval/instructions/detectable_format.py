"""Forms that can be seen: bullets, highlights, sections, JSON, a title, a fixed answer."""

import json
import random
import re

from ifeval import patterns
from ifeval.instructions.base import ARRANGES, EVERY, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import plural
from ifeval.instructions.wordings import (
    constrained_response,
    json_format,
    multiple_sections,
    number_bullet_lists,
    number_highlighted_sections,
    title,
)
from ifeval.parameters import integer, pattern
from ifeval.prose import content_words, divided, is_plain, sentences
from ifeval.text import Text


@register
class NumberOfBullets(Instruction):
    """Exactly so many lines that start with an asterisk or a dash."""

    id = "detectable_format:number_bullet_lists"
    parameters = {"num_bullets": integer(3)}
    layer = Layer.ARRANGEMENT
    claims = (ARRANGES,)
    wordings = number_bullet_lists.WORDINGS

    # The sign must be the first thing in its line, and an asterisk not the first of two.
    _stars = re.compile(r"^[^\S\n]*\*[^*].*$", re.MULTILINE)
    _dashes = re.compile(r"^[^\S\n]*-.*$", re.MULTILINE)

    def judge(self, text: Text) -> Verdict:
        count = sum(1 for bullet in (self._stars, self._dashes) for _ in bullet.finditer(text.raw))
        reason = f"{plural(count, 'bullet point')} found, {self.num_bullets} asked"
        return Verdict(count == self.num_bullets, reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """A bullet for each line of a list that is there, or else for each sentence or two."""
        items = re.findall(r"^\s*(?:[-*]|\d+[.)])\s+(.+)$", text, re.MULTILINE)
        if len(items) < 2 or len(items) != len([line for line in text.split("\n") if line.strip()]):
            items = divided(text, rng, 6)
        if items is None or any(item.startswith("*") for item in items):
            return None
        return "\n".join(f"* {item}" for item in items), {"num_bullets": len(items)}


@register
class ConstrainedResponse(Instruction):
    """One of 'My answer is yes.', 'My answer is no.', 'My answer is maybe.' is in the text."""

    id = "detectable_format:constrained_response"
    layer = Layer.WORDS
    conflicts = {EVERY: "the fixed answer is the whole response"}
    wordings = constrained_response.WORDINGS

    _answers = ("My answer is yes.", "My answer is no.", "My answer is maybe.")

    def judge(self, text: Text) -> Verdict:
        given = [answer for answer in self._answers if answer in text.raw]
        if given:
            return Verdict(True, f"{given[0]!r} found")
        return Verdict(False, f"none of {', '.join(map(repr, self._answers))} found")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Turns a text that starts with yes or no, or says that it depends, into one of the three fixed answers."""
        start = re.match(r"(yes|no|maybe|perhaps|it depends)\b", text.lower())
        if start is None:
            return None
        answer = start.group(1) if start.group(1) in ("yes", "no") else "maybe"
        return f"My answer is {answer}.", {}


def _numbered(splitter: str) -> str:
    return patterns.numbered(splitter.strip())


@register
class MultipleSections(Instruction):
    """At least so many sections, each begun by the given word and a number."""

    id = "detectable_format:multiple_sections"
    parameters = {"section_spliter": pattern("SECTION", _numbered), "num_sections": integer(3)}
    layer = Layer.ARRANGEMENT
    claims = (ARRANGES,)
    wordings = multiple_sections.WORDINGS

    _names = ("Section", "SECTION", "Part", "PART", "Chapter", "Step", "Day", "Paragraph")

    def judge(self, text: Text) -> Verdict:
        splitter = self.section_spliter.strip()
        count = patterns.numbered_pieces(splitter, text.raw) - 1
        reason = f"{plural(count, 'section')} begun by {splitter!r} and a number found"
        return Verdict(count >= self.num_sections, f"{reason}, at least {self.num_sections} asked")

    @classmethod
    def impose(cls, text: str, rng: random.Random, around: Around):
        """A heading with a number before each piece."""
        pieces = divided(text, rng, 4)
        if pieces is None:
            return None
        name = rng.choice(cls._names)
        lines = [f"{name} {number}\n{piece}" for number, piece in enumerate(pieces, start=1)]
        return "\n\n".join(lines), {"section_spliter": name, "num_sections": len(pieces)}


@register
class NumberOfHighlights(Instruction):
    """At least so many parts highlighted with *one* or **two** asterisks."""

    id = "detectable_format:number_highlighted_sections"
    parameters = {"num_highlights": integer(3)}
    layer = Layer.ARRANGEMENT
    wordings = number_highlighted_sections.WORDINGS

    _scans = (re.compile(r"\*[^\n*]*\*"), re.compile(r"\*\*[^\n*]*\*\*"))

    def judge(self, text: Text) -> Verdict:
        count = sum(1 for scan in self._scans for found in scan.findall(text.raw) if found.strip("*").strip())
        reason = f"{plural(count, 'highlighted part')} found, at least {self.num_highlights} asked"
        return Verdict(count >= self.num_highlights, reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Puts asterisks around content words and their neighbours."""
        if not is_plain(text) or "*" in text:
            return None
        phrases = [match.group() for match in re.finditer(r"\b[a-z]{4,} [a-z]{4,}\b", text)]
        phrases = [phrase for phrase in dict.fromkeys(phrases) if set(content_words(phrase)) == set(phrase.split())]
        phrases = phrases or content_words(text)
        count = rng.randint(1, 4)
        if len(phrases) < count:
            return None
        for phrase in rng.sample(phrases, count):
            text = re.sub(rf"(?<!\*)\b{phrase}\b(?!\*)", f"*{phrase}*", text, count=1)
        return text, {"num_highlights": count}


@register
class Title(Instruction):
    """A title in double angular brackets: <<title>>."""

    id = "detectable_format:title"
    layer = Layer.ARRANGEMENT
    wordings = title.WORDINGS

    def judge(self, text: Text) -> Verdict:
        for line in text.raw.split("\n"):
            start, end = line.find("<<"), line.rfind(">>")
            # A match is as long as it can be, and has a character or more between its brackets.
            if start >= 0 and end >= start + 3:
                title = line[start : end + 2].lstrip("<").rstrip(">").strip()
                if title:
                    return Verdict(True, f"title {title[:80]!r} found")
        return Verdict(False, "no title in <<double angular brackets>> found")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """A title made of the first words of the text, up to a content word."""
        words = re.findall(r"[A-Za-z][\w'-]*", sentences(text)[0] if sentences(text) else text)[:6]
        while len(words) > 2 and not content_words(words[-1].lower()):
            words = words[:-1]
        if len(words) < 2:
            return None
        return f"<<{' '.join(word[0].upper() + word[1:] for word in words)}>>\n\n{text}", {}


@register
class JsonFormat(Instruction):
    """The whole response is JSON, in a code fence or not."""

    id = "detectable_format:json_format"
    layer = Layer.WRAPPING
    claims = (ARRANGES,)
    conflicts = {
        "startend:quotation": "JSON is the whole output, so nothing stands before, after or around it",
        "detectable_format:title": "JSON holds no title",
        "startend:end_checker": "JSON ends with a bracket",
        "combination:repeat_prompt": "JSON starts with a bracket",
    }
    wordings = json_format.WORDINGS

    _keys = (
        ("answer",),
        ("response",),
        ("text",),
        ("result",),
        ("topic", "answer"),
        ("title", "text"),
        ("summary", "details"),
    )

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

    @classmethod
    def impose(cls, text: str, rng: random.Random, around: Around):
        """The text, or its first sentence and the rest, as values of an object."""
        keys, parts = rng.choice(cls._keys), sentences(text)
        if len(keys) == 2 and len(parts) > 1 and is_plain(text):
            values = [parts[0], " ".join(parts[1:])]
        else:
            keys, values = keys[-1:], [text]
        shown = json.dumps(dict(zip(keys, values, strict=True)), indent=2, ensure_ascii=False)
        return (f"```json\n{shown}\n```" if rng.random() < 0.3 else shown), {}
