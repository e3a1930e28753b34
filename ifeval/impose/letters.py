"""Case of letters, and commas."""

import random
import re

from ifeval.impose.register import CASE, COUNTS, WORDS, Around, content_words, imposes
from ifeval.text import Text


@imposes("change_case:english_capital", CASE)
def english_capital(text: str, rng: random.Random, around: Around):
    return text.upper(), {}


@imposes("change_case:english_lowercase", CASE)
def english_lowercase(text: str, rng: random.Random, around: Around):
    return text.lower(), {}


@imposes("change_case:capital_word_frequency", COUNTS)
def capital_word_frequency(text: str, rng: random.Random, around: Around):
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


@imposes("punctuation:no_comma", WORDS)
def no_comma(text: str, rng: random.Random, around: Around):
    """Numbers are joined, enumerations said with "and", introductions left bare, other breaks made dashes."""
    if "```" in text or re.search(r"\w,\w", re.sub(r"\d,\d", "", text)):  # code, or data
        return None
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    text = re.sub(r",(?=\s+(?:and|but|or|so|yet|nor|which|who|while|because|then)\b)", "", text)
    text = re.sub(r"\b(\w+), (\w+),? (and|or) (\w+)", r"\1 \3 \2 \3 \4", text)
    text = re.sub(r"(^|[.!?]\s+)((?:[\w'-]+ ){0,4}[\w'-]+), ", r"\1\2 ", text)  # "In winter, the"
    text = re.sub(r",(?=\s)", " –", text)
    return text.replace(",", " "), {}
