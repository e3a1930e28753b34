"""The uncertainty of scores: bootstrap intervals over prompts, and McNemar's exact test."""

import math
from collections.abc import Sequence

RESAMPLES = 10_000


def columns(counts: list[dict[str, int]], accuracy: str) -> tuple[list[int], list[int]]:
    """The numerator and the denominator of one of the four accuracies, for each prompt."""
    criterion = "strict" if "strict" in accuracy else "loose"
    if accuracy.startswith("prompt"):
        return [int(row[criterion] == row["asked"]) for row in counts], [1] * len(counts)
    return [row[criterion] for row in counts], [row["asked"] for row in counts]


def ratio_interval(numerators: Sequence[int], denominators: Sequence[int], seed: int) -> list[float]:
    """The 95 % percentile interval of sum(numerators) / sum(denominators), by bootstrap over prompts.

    Args:
        numerators, denominators: one number a prompt, in the same order.
        seed: of numpy's PCG64.

    Returns:
        [lower, upper], as fractions.
    """
    return mean_interval([(numerators, denominators)], seed)


def mean_interval(ratios: Sequence[tuple[Sequence[int], Sequence[int]]], seed: int) -> list[float]:
    """The 95 % percentile interval of the mean of several such ratios, for each of which the same prompts are drawn.

    Prompts, not instructions, are drawn, since the instructions of one prompt are not independent
    (Efron and Tibshirani 1993, chapter 13; cluster bootstrap).

    Args:
        ratios: numerators and denominators, one number a prompt each, all in the same order.
        seed: of numpy's PCG64.

    Returns:
        [lower, upper], as fractions.
    """
    import numpy as np

    pairs = [(np.asarray(numerators), np.asarray(denominators)) for numerators, denominators in ratios]
    prompts = len(pairs[0][0])
    generator = np.random.Generator(np.random.PCG64(seed))
    means = np.empty(RESAMPLES)
    rows = max(1, 4_000_000 // prompts)
    for start in range(0, RESAMPLES, rows):
        drawn = generator.integers(prompts, size=(min(rows, RESAMPLES - start), prompts))
        found = [numerators[drawn].sum(axis=1) / denominators[drawn].sum(axis=1) for numerators, denominators in pairs]
        means[start : start + rows] = sum(found) / len(found)
    return [float(bound) for bound in np.quantile(means, [0.025, 0.975])]


def mcnemar(before: Sequence[int], after: Sequence[int]) -> float:
    """The exact two-sided p-value of McNemar's test (1947) for paired yes-or-no outcomes.

    Under the null hypothesis, of the n pairs that differ, either direction is equally likely, so the
    smaller count is binomial with n trials and probability 1/2.
    """
    gained = sum(1 for old, new in zip(before, after, strict=True) if new > old)
    lost = sum(1 for old, new in zip(before, after, strict=True) if new < old)
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, 2 * tail / 2**n)
