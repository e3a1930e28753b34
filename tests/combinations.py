"""Combinations of what a test is run with."""

import itertools

import pytest


def checkerboard(*factors):
    """All combinations, of which every other one is a slow test; each value of two factors or more is in a fast one."""
    return [
        pytest.param(*(factor[place] for factor, place in zip(factors, places, strict=True)), marks=marks)
        for places in itertools.product(*(range(len(factor)) for factor in factors))
        for marks in [pytest.mark.slow if sum(places) % 2 else ()]
    ]


def slow(*values):
    """Values of a slow test."""
    return pytest.param(*values, marks=pytest.mark.slow)
