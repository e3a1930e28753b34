"""Numbers of sentences, words and letters: asked for as they are, or a bound beside them."""

import random

from ifeval.impose.register import COUNTS, Around, imposes
from ifeval.text import Text


def _bound(count: int, rng: random.Random, step: int = 1, at_least: float = 0.5) -> tuple[int, str]:
    """A number and a relation that the count satisfies; round numbers where the step is more than one.

    Args:
        at_least: how often the relation is "at least", where either can be.
    """
    if rng.random() < at_least and count >= step:
        return max(step, (count - rng.randint(0, max(1, count // 5))) // step * step), "at least"
    return (count + rng.randint(1, max(1, count // 4)) + step) // step * step, "less than"


@imposes("length_constraints:number_sentences", COUNTS)
def number_sentences(text: str, rng: random.Random, around: Around):
    """The more sentences, the more often a least number."""
    count = Text(text).sentences
    number, relation = _bound(count, rng, at_least=min(0.9, count / 6))
    return text, {"num_sentences": number, "relation": relation}


@imposes("length_constraints:number_words", COUNTS)
def number_words(text: str, rng: random.Random, around: Around):
    """The longer the text, the more often a least number."""
    words = Text(text).words
    number, relation = _bound(words, rng, 10 if words >= 20 else 1, at_least=min(0.9, words / 80))
    return text, {"num_words": number, "relation": relation}


@imposes("keywords:letter_frequency", COUNTS)
def letter_frequency(text: str, rng: random.Random, around: Around):
    letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
    number, relation = _bound(text.lower().count(letter), rng, at_least=0.7)
    return text, {"letter": letter, "let_frequency": number, "let_relation": relation}
