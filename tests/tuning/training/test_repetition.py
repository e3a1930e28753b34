"""Which tokens repeat, against the definition written out."""

from hypothesis import given
from hypothesis import strategies as st

from tuning.training.repetition import LOOP, RUN, TIMES, loops, repeats

TOKENS = st.lists(st.integers(0, 3), max_size=40)


@given(TOKENS)
def test_a_token_repeats_if_the_run_that_it_ends_stood_before(tokens):
    def stood_before(end: int) -> bool:
        run = tokens[end - RUN + 1 : end + 1]
        return any(tokens[start : start + RUN] == run for start in range(end - RUN + 1))

    assert repeats(tokens) == [end >= RUN - 1 and stood_before(end) for end in range(len(tokens))]


@given(TOKENS)
def test_an_answer_loops_if_some_run_stands_in_it_three_times(tokens):
    runs = [tuple(tokens[start : start + LOOP]) for start in range(len(tokens) - LOOP + 1)]
    assert loops(tokens) == any(runs.count(run) >= TIMES for run in runs)


@given(TOKENS)
def test_an_answer_that_loops_repeats(tokens):
    assert any(repeats(tokens)) or not loops(tokens)


def test_one_token_over_and_over_is_a_loop():
    assert loops([7] * (LOOP + TIMES - 1))
    assert not loops([7] * (LOOP + TIMES - 2))
