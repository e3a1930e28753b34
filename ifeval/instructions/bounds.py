"""Numbers with a relation: ``at least`` so many, or ``less than`` so many."""

import random

from ifeval.parameters import RELATIONS


def compare(count: int, relation: str, number: int) -> bool:
    """``less than`` is strictly fewer; ``at least`` is that many or more."""
    return count < number if relation == "less than" else count >= number


def impossible_bound(relation: str, number: int) -> str | None:
    """A message if "less than 0" is asked, which nothing can follow."""
    return "'less than' 0 cannot be followed" if relation == RELATIONS[0] and number == 0 else None


def bound_beside(count: int, rng: random.Random, step: int = 1, at_least: float = 0.5) -> tuple[int, str]:
    """A bound that the count satisfies: a number, rounded to ``step``, and a relation.

    Args:
        at_least: how often the relation is "at least", where either can be.
    """
    if rng.random() < at_least and count >= step:
        return max(step, (count - rng.randint(0, max(1, count // 5))) // step * step), "at least"
    return (count + rng.randint(1, max(1, count // 4)) + step) // step * step, "less than"


def plural(count: int, noun: str) -> str:
    """``1 word``, ``2 words``, ``2 of ...`` with regular English plurals."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
