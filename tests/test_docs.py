"""What the documentation says of params.yaml is so."""

import copy
import re

import pytest
import yaml

from tests.tiny import ROOT
from tuning.config import checks
from tuning.config.yaml_file import load

DEFAULT = load(ROOT / "params.yaml")
LONG = "see params.yaml"  # for a default that is too long for the table
ROWS = re.findall(
    rf"^\| `([\w.]+)` \| (.+?) \| `?({LONG}|(?<=`).+?(?=`))`? \| `(.+?)` \|$",
    (ROOT / "docs/params.md").read_text("utf-8"),
    re.MULTILINE,
)


def flat(values: dict, prefix: str = "") -> dict:
    """Keys as dvc names them; columns and the like are values."""
    found = {}
    for key, value in values.items():
        found.update(flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value})
    return found


def test_every_key_is_described_once_and_every_description_is_of_a_key():
    assert sorted(name for name, *_ in ROWS) == sorted(flat(DEFAULT))


@pytest.mark.parametrize(
    ("name", "default", "example"), [(name, default, example) for name, _, default, example in ROWS]
)
def test_defaults_are_those_of_the_file_and_examples_are_accepted(name, default, example):
    assert default == LONG or yaml.safe_load(default) == flat(DEFAULT)[name]
    values = copy.deepcopy(DEFAULT)
    *sections, key = name.split(".")
    target = values
    for section in sections:
        target = target[section]
    target[key] = yaml.safe_load(example)
    # Some examples only make sense together with others, which the message then names.
    together = {
        "lora.enabled": "no adapter",
        "full_finetuning": "all weights",
        "train.packing": "flash",
        "generation.num_batches": "'generation.batch_size' to a number",
    }
    problems = checks.check(values)
    assert all(together.get(name) and together[name] in problem for problem in problems), problems


def test_accelerate_configs_are_valid():
    from accelerate.commands.config.config_args import load_config_from_file

    files = sorted((ROOT / "configs/accelerate").glob("*.yaml"))
    assert len(files) >= 4
    for file in files:
        assert load_config_from_file(str(file)).num_processes >= 2
