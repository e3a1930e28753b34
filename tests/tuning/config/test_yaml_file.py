"""Files that cannot be read are refused in one line."""

import pytest

from tests.tiny import ROOT
from tuning.config.yaml_file import load
from tuning.core.errors import UserError

BOMB = "a: &x0 [1]\n" + "".join(f"b{i}: &x{i + 1} [{', '.join([f'*x{i}'] * 10)}]\n" for i in range(30))


def test_the_default_is_what_dvc_reads():
    from dvc.utils.serialize import load_yaml

    assert load(ROOT / "params.yaml") == load_yaml(ROOT / "params.yaml")


def test_numbers_and_words_are_those_of_yaml_1_2(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text("rate: 1e-4\nstrategy: no\n", encoding="utf-8")
    assert load(file) == {"rate": 1e-4, "strategy": "no"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"model: [", "line 1: not valid YAML"),
        (b"model: x\nseed: 1\nmodel: y\n", "line 3: not valid YAML: found duplicate key"),
        (b"train:\n  bf16: true\n  bf16: false\n", "line 3: not valid YAML: found duplicate key"),
        (b"model: caf\xe9\n", "is not UTF-8 text: byte 10 is 0xe9"),
        (b"model: " + b"[" * 20_000, "nested too deep"),
        (b"model: " + b"{a: " * 20_000, "nested too deep"),
        (b"seed: " + b"9" * 5000, "not valid YAML: Exceeds the limit"),
        (b"seed: 2001-99-99", "not valid YAML: month must be"),
        (b"model: !!python/object:os.system x", "line 1: not valid YAML"),
        (b"model: a\x00", "not valid YAML"),
        (b"a: 1\n---\nb: 2", "not valid YAML"),
        (b"? {a: b}\n: c", "not valid YAML"),
        (b"- model", "must be a mapping"),
        (b"", "must be a mapping"),
        (BOMB.encode(), "more than 100,000 values"),
        (b"model: &a [*a]", "more than 100,000 values"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_what_is_wrong_is_one_short_line(tmp_path, content, words):
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        load(file)
    message = str(caught.value).replace(str(file), "params.yaml")
    assert message.startswith("params.yaml")
    assert words in message
    assert "\n" not in message
    assert len(message) < 400


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match="top folder"):
        load(tmp_path / "params.yaml")
