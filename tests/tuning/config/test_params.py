"""params.yaml as one frozen object."""

import dataclasses
import subprocess
import sys

import pytest

from tests.tiny import ROOT
from tuning.config import params
from tuning.config.own_keys import SECTIONS, TopLevel
from tuning.core.errors import UserError


def test_own_keys_and_arguments_of_the_classes_are_apart(monkeypatch):
    monkeypatch.chdir(ROOT)
    read, values = params.read_params(), params.load(params.PATH)
    assert [field.name for field in dataclasses.fields(read)] == [*TopLevel.model_fields, *SECTIONS]
    assert read.data.instructions.types == values["data"]["instructions"]["types"]
    assert read.lora.enabled is True
    assert read.lora.arguments == {key: value for key, value in values["lora"].items() if key != "enabled"}
    assert read.train.arguments == values["train"]
    assert read.resources.arguments == {}


def test_all_problems_are_in_one_error(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text("utf-8")
    (tmp_path / "params.yaml").write_text(
        text.replace("seed: 42", "sead: 42").replace("  r: 16", "  rank: 16"), "utf-8"
    )
    with pytest.raises(
        UserError, match=r"params.yaml: 'seed' is missing\n.*'sead'; did you mean 'seed'.*\n.*'lora.rank'"
    ):
        params.read_params()


def test_an_error_comes_before_torch_is_imported(tmp_path):
    """A wrong key ends a stage with one line and without the heavy imports."""
    (tmp_path / "params.yaml").write_text("model: x\n")
    code = (
        "import sys; sys.argv = ['train']; import stages.train as t\n"
        "from tuning.core.errors import UserError\n"
        "try:\n    t.main()\nexcept UserError as error:\n    print(error)\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "'dataset' is missing" in done.stdout, done.stderr
    assert done.stdout.strip().endswith("False False")
