"""Accuracies, intervals and tests of difference, against independent computations."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifeval import difference, score
from ifeval.intervals import mcnemar, ratio_interval
from ifeval.scoring import ACCURACIES, Judgement, mean_of_four


def judgements(followed: list[list[bool]], loose: list[list[bool]] | None = None) -> list[Judgement]:
    """A prompt for each inner list, an instruction for each verdict."""
    loose = loose or followed
    return [
        Judgement(key, index, f"family{index}:type", strict, loosely, "")
        for key, (row, loosely_row) in enumerate(zip(followed, loose, strict=True))
        for index, (strict, loosely) in enumerate(zip(row, loosely_row, strict=True))
    ]


def test_prompt_and_instruction_level_by_hand():
    scores = score(judgements([[True, False], [True], [False]], [[True, True], [True], [False]]))
    assert scores["prompt_level_strict_acc"] == pytest.approx(1 / 3)
    assert scores["inst_level_strict_acc"] == pytest.approx(2 / 4)
    assert scores["prompt_level_loose_acc"] == pytest.approx(2 / 3)
    assert scores["inst_level_loose_acc"] == pytest.approx(3 / 4)
    assert scores["by_family"]["family0"] == {"instructions": 3, "strict_acc": 2 / 3, "loose_acc": 2 / 3}
    assert scores["by_type"]["family1:type"] == {"instructions": 1, "strict_acc": 0.0, "loose_acc": 1.0}


verdicts = st.lists(st.lists(st.booleans(), min_size=1, max_size=3), min_size=1, max_size=30)


@given(verdicts)
def test_intervals_hold_the_score_and_stay_within_0_and_1(followed):
    scores = score(judgements(followed))
    for name in ACCURACIES:
        low, high = scores[f"{name}_ci95"]
        assert 0 <= low <= high <= 1
        assert low - 1e-9 <= scores[name] <= high + 1e-9


@given(verdicts, st.randoms())
def test_the_order_of_prompts_changes_no_score(followed, rng):
    shuffled = rng.sample(followed, len(followed))
    one, other = score(judgements(followed)), score(judgements(shuffled))
    assert [one[name] for name in ACCURACIES] == [other[name] for name in ACCURACIES]


def test_the_interval_is_the_percentile_bootstrap_over_prompts():
    rng = random.Random(3)
    asked = [rng.randint(1, 3) for _ in range(200)]
    followed = [rng.randint(0, count) for count in asked]
    low, high = ratio_interval(followed, asked, seed=0)
    ratios = []
    for _ in range(4000):
        drawn = rng.choices(range(200), k=200)
        ratios.append(sum(followed[i] for i in drawn) / sum(asked[i] for i in drawn))
    assert low == pytest.approx(np.quantile(ratios, 0.025), abs=0.012)
    assert high == pytest.approx(np.quantile(ratios, 0.975), abs=0.012)


def test_the_interval_depends_on_the_seed_only():
    assert ratio_interval([1, 0, 1], [1, 1, 1], seed=1) == ratio_interval([1, 0, 1], [1, 1, 1], seed=1)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 5))
def test_mcnemar_is_the_exact_binomial_test(gained, lost, same):
    before = [0] * gained + [1] * lost + [1] * same
    after = [1] * gained + [0] * lost + [1] * same
    n = gained + lost
    probabilities = [math.comb(n, k) / 2**n for k in range(n + 1)]
    # Two-sided: all outcomes that are no likelier than the one observed.
    expected = min(1.0, sum(p for p in probabilities if p <= probabilities[gained] * (1 + 1e-9)))
    assert mcnemar(before, after) == pytest.approx(expected)


def test_the_paired_difference():
    base, other = judgements([[False]] * 8 + [[True]] * 2), judgements([[True]] * 10)
    result = difference(base, other)
    assert result["prompt_level_strict_acc"] == pytest.approx(0.8)
    assert result["prompt_level_strict_acc_ci95"][0] > 0
    assert result["prompt_level_strict_acc_mcnemar_p"] == pytest.approx(2 / 2**8)


def test_only_the_same_prompts_can_be_compared():
    with pytest.raises(ValueError, match="not about the same prompts"):
        difference(judgements([[True]]), judgements([[True], [True]]))


@given(verdicts)
def test_the_mean_of_the_four_accuracies(followed):
    found = judgements(followed, [[True] * len(row) for row in followed])
    scores, mean = score(found), mean_of_four(found)
    low, high = mean["mean_acc_ci95"]
    assert mean["mean_acc"] == pytest.approx(sum(scores[name] for name in ACCURACIES) / 4)
    assert 0.5 <= low <= high <= 1  # loosely all are followed
    assert mean_of_four(found, base=found) == {"mean_acc": 0.0, "mean_acc_ci95": [0.0, 0.0]}


def test_the_mean_s_difference_draws_the_same_prompts_for_all():
    """Of equal accuracies the mean has their interval."""
    base, tuned = judgements([[False]] * 30 + [[True]] * 10), judgements([[True]] * 15 + [[False]] * 15 + [[True]] * 10)
    mean, four = mean_of_four(tuned, 5, base), difference(base, tuned, 5)
    assert mean["mean_acc"] == four["inst_level_loose_acc"] == 15 / 40
    assert mean["mean_acc_ci95"] == pytest.approx(four["inst_level_loose_acc_ci95"])
