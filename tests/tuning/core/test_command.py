"""A stage that reads params.yaml alone refuses what stands on its command line, before it does anything."""

import subprocess
import sys

import pytest

from tests.tiny import ROOT


@pytest.mark.parametrize("stage", ["prepare", "train", "ifeval", "resources"])
@pytest.mark.parametrize("arguments", [["-S", "lora.r=8"], ["--help"], ["compare", "one", "two"]])
def test_arguments_are_refused_with_what_to_do(tmp_path, stage, arguments):
    command = [sys.executable, "-m", f"stages.{stage}", *arguments]
    environment = {"PYTHONPATH": str(ROOT), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith(f"error: {stage}: a stage takes no arguments, not {' '.join(arguments)!r}: set values in")
    assert "dvc exp run -S" in said
    assert "stages.compare" in said
    assert not [name for name in ("data", "metrics", "models") if (tmp_path / name).exists()]
