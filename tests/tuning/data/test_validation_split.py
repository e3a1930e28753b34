"""Rows to train on and rows to validate on share no request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning.core.errors import UserError
from tuning.data.rows import Row
from tuning.data.validation_split import split
from tuning.model.chat_template import Tokens


def row(request, answer):
    said = [{"role": "user", "content": request}], [{"role": "assistant", "content": answer}]
    return Row("", *said, Tokens([], []))


def rows_of(requests):
    """A row for each request, which may repeat."""
    return [row(request, str(number)) for number, request in enumerate(requests)]


def asked(rows):
    return [row.prompt[0]["content"] for row in rows]


@given(st.lists(st.sampled_from("abcdefghij"), min_size=2, max_size=40), st.integers(0, 12), st.integers(0, 3))
def test_every_row_is_in_one_part_and_its_request_too(requests, count, seed):
    rows = rows_of(requests)
    if count >= len(rows):
        with pytest.raises(UserError, match=f"{len(rows)} usable rows, but 'data.num_val' keeps {count}.*set it lower"):
            split(rows, count, seed)
        return
    train, validation = split(rows, count, seed)
    assert sorted([*train, *validation], key=rows.index) == rows
    assert len(validation) <= count
    if min(requests.count(request) for request in requests) <= count:
        assert not set(asked(train)) & set(asked(validation))
    assert (train, validation) == split(rows, count, seed)


def test_requests_that_stand_once_fill_the_validation():
    train, validation = split(rows_of("abcdefgh"), 3, 42)
    assert (len(train), len(validation)) == (5, 3)


def test_longer_conversations_stay_with_their_beginning():
    first = row("a", "1")
    more = [*first.prompt, *first.completion, {"role": "user", "content": "b"}]
    long = Row("", more, [{"role": "assistant", "content": "2"}], Tokens([], []))
    for seed in range(9):
        train, validation = split([first, long, *rows_of("cdef")], 2, seed)
        assert {first in validation, long in validation} in ({True}, {False})


def test_where_every_request_has_too_many_rows_that_is_said(capsys):
    train, validation = split(rows_of("aaaabbbb"), 3, 42)
    assert len(validation) == 3
    assert "every request has more than 3 rows" in capsys.readouterr().out
