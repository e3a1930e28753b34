"""What the documentation says of params.yaml and of the experiments is so, and its links lead somewhere."""

import copy
import csv
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


PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


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
        "generation.serve": "'generation.engine' to openai",
        "generation.serve_adapter": "'generation.engine' to openai",
    }
    problems = checks.check(values)
    assert all(together.get(name) and together[name] in problem for problem in problems), problems


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            name, _, anchor = target.partition("#")
            file = page.parent / name if name else page
            assert file.is_file(), target
            assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "params.md"], ids=lambda page: page.name)
def test_cells_of_tables_are_no_longer_than_a_line(page):
    for line in re.findall(r"^\|.*\|$", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert max(map(len, map(str.strip, line.split("|")))) <= 100, line


def test_the_readme_is_a_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def test_changes_by_type_are_of_runs_in_the_log():
    from ifeval import INSTRUCTIONS

    runs = set(re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs/experiments.md").read_text("utf-8"), re.MULTILINE))
    with (ROOT / "docs/experiments_by_type.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["run"] for row in rows} <= runs
    assert {row["type"] for row in rows} <= set(INSTRUCTIONS)
    assert all(int(row["tuned"]) - int(row["base"]) == int(row["change"]) for row in rows)
    assert len({(row["run"], row["type"]) for row in rows}) == len(rows)


def test_accelerate_configs_are_valid():
    from accelerate.commands.config.config_args import load_config_from_file

    files = sorted((ROOT / "configs/accelerate").glob("*.yaml"))
    assert len(files) >= 4
    for file in files:
        assert load_config_from_file(str(file)).num_processes >= 2
