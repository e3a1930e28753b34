"""Fewer walks through the modules leave every module in the mode that it would be in."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from tuning.training.walks import switch_once


class Counting(torch.nn.Module):
    """A part that counts how often it is switched."""

    def __init__(self):
        super().__init__()
        self.switched = 0

    def train(self, mode: bool = True):
        self.switched += 1
        return super().train(mode)


def made() -> torch.nn.Module:
    """A new wrapper, which trains, around parts that do not: as PEFT's around a loaded model."""
    model = torch.nn.Sequential(Counting().eval(), torch.nn.Dropout().eval())
    switch_once(model)
    return model


@given(st.lists(st.booleans(), min_size=1))
def test_all_parts_are_in_the_last_mode_that_was_asked_for(modes):
    model = made()
    for mode in modes:
        assert (model.train() if mode else model.eval()) is model
        assert {part.training for part in model.modules()} == {mode}


def test_parts_are_switched_only_where_the_mode_changes():
    model = made()
    before = model[0].switched
    for mode in (True, True, True, False, False, True):
        model.train(mode)
    assert model[0].switched - before == 3


def test_dropout_works_after_validation():
    model = made()
    model.train()
    model.eval()
    ones = torch.ones(1, 1000)
    assert torch.equal(model[1](ones), ones)
    model.train()
    assert not torch.equal(model[1](ones), ones)
