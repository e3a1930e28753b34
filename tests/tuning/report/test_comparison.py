"""Experiments side by side, without git and DVC's cache."""

import json

import pytest
import yaml

from tuning.core.errors import UserError
from tuning.report import comparison

PROMPTS = [
    {"key": key, "prompt": f"Prompt {key}.", "instruction_id_list": [name], "kwargs": [kwargs]}
    for key, name, kwargs in ((1, "punctuation:no_comma", {}), (2, "startend:end_checker", {"end_phrase": "end"}))
]
GENERATION = {"strip_thoughts": False, "max_new_tokens": "auto"}
AUTOMATIC = {"ifeval": {"prompts": "data/starter/prompts.jsonl"}, "data": {"instructions": {}}}


@pytest.fixture
def files(monkeypatch):
    """Files of each revision, by its name."""
    found = {}

    class Files:
        def __init__(self, rev):
            self.files = found[rev]

        def read_bytes(self, path):
            if path not in self.files:
                raise FileNotFoundError(path)
            return self.files[path].encode()

    monkeypatch.setattr("dvc.api.DVCFileSystem", Files)
    return found


def experiment(responses, prompts=PROMPTS, params=None):
    params = AUTOMATIC | {"generation": GENERATION} if params is None else params
    answers = [{"key": key, "response": response} for key, response in responses.items()]
    return {
        comparison.PROMPTS: "".join(json.dumps(row) + "\n" for row in prompts),
        comparison.TUNED: "".join(json.dumps(row) + "\n" for row in answers),
        comparison.PARAMS: yaml.safe_dump(params),
    }


def scores(table):
    """The first accuracy of each name."""
    return {line.split()[0]: line.split()[1] for line in table.split("\n\n")[0].splitlines()[2:]}


def test_each_is_judged_with_its_own_setting_for_thoughts(files, capsys):
    responses = {1: "<think>\nWell, so.\n</think>\n\nyes", 2: "the end"}
    strips = AUTOMATIC | {"generation": GENERATION | {"strip_thoughts": True}}
    files.update(
        one=experiment(responses), two=experiment(responses, params=strips), old=experiment(responses, params={})
    )
    assert scores(comparison.compare(["one", "two", "old"], 1)) == {"one": "50.0", "two": "100.0", "old": "50.0"}
    said = capsys.readouterr().err
    assert "1 of 2 one responses begin with thoughts" in said
    assert "two responses" not in said


@pytest.mark.parametrize("change", [{"prompt": "Another."}, {"kwargs": [{"end_phrase": "The end"}]}])
def test_prompts_that_differ_in_text_or_kwargs_are_not_paired(files, change):
    changed, both, first = [PROMPTS[0], PROMPTS[1] | change], {1: "a", 2: "b"}, {1: "a"}
    files.update(one=experiment(both), two=experiment(both, changed))
    with pytest.raises(UserError, match="one and two answered different prompts"):
        comparison.compare(["one", "two"], 1)
    files.update(one=experiment(first), two=experiment(first, changed))  # the other was not answered
    assert scores(comparison.compare(["one", "two"], 1)) == {"one": "100.0", "two": "100.0"}


def test_limits_of_new_tokens_that_differ_are_named(files):
    responses = {1: "a", 2: "b"}
    unseen = AUTOMATIC | {"ifeval": {"prompts": "data/starter/prompts_unseen.jsonl"}, "generation": GENERATION}
    same = AUTOMATIC | {"generation": GENERATION | {"max_new_tokens": 192}}
    old = {"generation": {"max_new_tokens": "auto"}}
    for name, params in (("one", None), ("same", same), ("unseen", unseen), ("old", old)):
        files[name] = experiment(responses, params=params)
    assert "imits" not in comparison.compare(["one", "same"], 1)
    last = comparison.compare(["one", "unseen", "old"], 1).split("\n\n")[-1]
    assert last.startswith("Limits of new tokens differ, and scores compare only with the same limit: ")
    assert last.endswith(": one 192, unseen 512, old unknown")
