"""Several data sets as one, and lists of them that cannot be used."""

import pytest

from tuning.core.errors import UserError
from tuning.data import mixing


def test_mixing_keeps_proportions_and_repeats_nothing():
    mixed = mixing.mix([(list("abcdefgh"), 1.0), (list("ABCD"), 1.0)], seed=1)
    assert len(mixed) == len(set(mixed)) == 8
    assert sum(letter.isupper() for letter in mixed) == 4
    assert mixed == mixing.mix([(list("abcdefgh"), 1.0), (list("ABCD"), 1.0)], seed=1)
    assert mixing.mix([([3, 1, 2], 0.5)], seed=1) == [3, 1, 2]


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ([], "empty"),
        ([{"weight": 1}], "'name'"),
        ([{"name": "a", "weight": 0}], "positive"),
        ([{"name": "a", "x": 1}], "x"),
        (
            [{"name": "a", "columns": {"question": "prompt"}}],
            "'columns' of 'a': 'question', for 'prompt', is no schema's",
        ),
    ],
)
def test_lists_that_cannot_be_used(dataset, words):
    with pytest.raises(UserError, match=words):
        mixing.sources(dataset)


def test_columns_of_all_data_sets_that_no_schema_has():
    with pytest.raises(UserError, match=r"^'data.columns': 'reply', for 'answer', is no schema's column; write the"):
        mixing.sources("rows.jsonl", {"prompt": "question", "reply": "answer"})
