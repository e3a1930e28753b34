"""Combinations of what a test is run with."""

import itertools

import pytest


def checkerboard(*factors, every=2):
    """All combinations, of which one in `every` is a fast test, the others slow ones.

    With two factors or more of at least `every` values, each value is in a fast one.
    """
    return [
        pytest.param(*(factor[place] for factor, place in zip(factors, places, strict=True)), marks=marks)
        for places in itertools.product(*(range(len(factor)) for factor in factors))
        for marks in [pytest.mark.slow if sum(places) % every else ()]
    ]


def slow(*values):
    """Values of a slow test."""
    return pytest.param(*values, marks=pytest.mark.slow)
