"""Splits a text into sentences, groups of sentences and content words."""

import itertools
import random
import re

from ifeval import tokenization

# Words that say nothing about what a text is about.
FUNCTION_WORDS = frozenset(
    "a about above after again all also although always am among an and any are around as at be because been before "
    "being below between both but by can cannot could did do does doing done down during each either else enough "
    "even ever every few first for from further get gets give given gives go goes had has have having he her here "
    "hers him his how however i if in instead into is it its itself just keep last later least less let like made "
    "make makes making many may me might more most much must my near need never next no nor not nothing now of off "
    "often on once one only or other others our out over own per put rather same second she should since so some "
    "such take takes than that the their them then there these they this those through thus to together too toward "
    "under until up upon us use used using very want was way we well were what when where whether which while who "
    "whole whom whose why will with within without would yet you your".split()
)


def sentences(text: str) -> list[str]:
    """The sentences of a text, a line at a time."""
    return [
        sentence.strip() for line in text.split("\n") for sentence in tokenization.sentences(line) if sentence.strip()
    ]


def groups(parts: list[str], count: int) -> list[list[str]]:
    """The parts in their order, in so many groups of nearly equal size."""
    bounds = [round(index * len(parts) / count) for index in range(count + 1)]
    return [parts[start:end] for start, end in itertools.pairwise(bounds)]


def divided(text: str, rng: random.Random, most: int) -> list[str] | None:
    """The text in two to ``most`` pieces of whole sentences; None if it is one sentence, or no prose."""
    parts = sentences(text)
    if not is_plain(text) or len(parts) < 2:
        return None
    return [" ".join(group) for group in groups(parts, rng.randint(2, min(most, len(parts))))]


def is_plain(text: str) -> bool:
    """Whether a text is prose, without code, tables, headings, lists or other marks that rearranging would break."""
    return not re.search(r"```|^\s*([-*#>|]|\d+[.)])|<<|\*\*|\[|\{|\t", text, re.MULTILINE)


def content_words(text: str) -> list[str]:
    """Lower-case words of four letters or more that say what the text is about, each once, in order."""
    found = re.findall(r"\b[a-z]{4,}\b", text)
    return list(dict.fromkeys(word for word in found if word not in FUNCTION_WORDS))
