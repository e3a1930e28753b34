"""Several data sets as one, and lists of them that cannot be used."""

import pytest

from tuning.config import data_sets
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


def test_a_yaml_file_may_hold_the_list(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listed = [{"name": "me/one", "weight": 2}, "me/two@v1"]
    file = tmp_path / "mine.yaml"
    file.write_text("- {name: me/one, weight: 2}\n- me/two@v1\n", encoding="utf-8")
    assert mixing.sources("mine.yaml") == mixing.sources(listed)
    assert data_sets.names("mine.yaml") == data_sets.names(listed) == ["me/one", "me/two@v1"]


def test_a_queued_experiment_has_a_yaml_file_that_git_does_not_track(tmp_path, monkeypatch):
    checkout = tmp_path / ".dvc/tmp/exps/one"
    checkout.mkdir(parents=True)
    own = tmp_path / "data/own"
    own.mkdir(parents=True)
    (own / "mix.yaml").write_text("[me/one, data/own/rows.jsonl]", encoding="utf-8")
    (own / "rows.jsonl").write_text('{"prompt": "Why?", "response": "So."}', encoding="utf-8")
    monkeypatch.chdir(checkout)
    assert [source.name for source in mixing.sources("data/own/mix.yaml")] == ["me/one", "data/own/rows.jsonl"]
    assert (checkout / "data/own/mix.yaml").is_symlink()
    assert (checkout / "data/own/rows.jsonl").is_symlink()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "^dataset: 'mine.yaml' is no file here$"),
        ("name: me/one", "^mine.yaml must be a list, each entry on a line that starts with '- '$"),
        ("[]", "^dataset: mine.yaml: the list is empty$"),
        ("- me/one\n- [", "^mine.yaml, line 2: not valid YAML"),
        ("- {name: me/one, weight: none}", "^dataset: mine.yaml: the weight of 'me/one' must be a positive number"),
        ("- {name: me/one@}", "^dataset: mine.yaml: .*must follow the @"),
    ],
)
def test_yaml_files_that_cannot_be_used(tmp_path, monkeypatch, content, told):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "mine.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=told):
        mixing.sources("mine.yaml")
