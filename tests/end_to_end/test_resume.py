"""A stage that is killed goes on where it was, and ends with the same bytes."""

import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

from tuning.core.files import fingerprint


@pytest.fixture
def work(project):
    """The clone with more steps to train; as it was afterwards."""
    path = project.folder / "params.yaml"
    values = yaml.safe_load(path.read_text())
    values["train"].update(max_steps=40, save_steps=4, save_total_limit=2)
    values["lora"]["lora_dropout"] = 0.1  # so that the state of the random numbers matters
    values["generation"].update(max_new_tokens=48, batch_size=2)
    project.write_params(values)
    yield project
    project.run("git", "checkout", "--quiet", ".")
    project.run("rm", "-rf", "models/checkpoints")
    project.dvc("checkout", "--force")


def python(project, *arguments):
    return project.run(sys.executable, *arguments).stdout


def kill_when(project, module, ready):
    """Starts a stage, and kills it with SIGKILL as soon as ``ready`` says so."""
    process = subprocess.Popen([sys.executable, "-m", module], cwd=project.folder, stdout=subprocess.DEVNULL)
    while not ready():
        assert process.poll() is None, "the stage ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_training(work):
    adapter, curve = work.folder / "models/adapter", work.folder / "metrics/curves/plots/metrics/train/loss.tsv"
    python(work, "-m", "stages.train")
    whole, losses = fingerprint(adapter), curve.read_text()
    checkpoints = "models/checkpoints/*/checkpoint-8/trained.safetensors"
    kill_when(work, "stages.train", lambda: list(work.folder.glob(checkpoints)))
    assert fingerprint(adapter) == whole  # what an earlier run finished is left alone
    finished = work.folder.glob("models/checkpoints/*/checkpoint-*/trained.safetensors")
    newest = max((path.parent for path in finished), key=lambda path: int(path.name.split("-")[1]))
    (newest / "optimizer.pt").write_bytes((newest / "optimizer.pt").read_bytes()[:100])
    said = python(work, "-m", "stages.train")
    assert f"{newest.name} cannot be used (" in said
    assert "train: going on from models/checkpoints/" in said
    assert fingerprint(adapter) == whole
    assert curve.read_text() == losses
    assert not (work.folder / "models/checkpoints").exists()


@pytest.mark.parametrize(("stage", "name"), [("baseline", "base"), ("generate", "tuned")])
def test_generation(work, stage, name):
    work.dvc("checkout", "--force", "models/adapter", "data/responses/base.jsonl")
    responses = work.folder / "data/responses"
    python(work, "-m", f"stages.{stage}")
    whole = fingerprint(responses / f"{name}.jsonl")
    kill_when(work, f"stages.{stage}", lambda: list(responses.glob(f".{name}-*.partial.jsonl")))
    finished = sum(len(path.read_text().splitlines()) for path in responses.glob(".*partial.jsonl"))
    said = python(work, "-m", f"stages.{stage}")
    shown = re.search(rf"generate {name}: +\d+%\|[^|]*\| (\d+)/", said)  # where the bar starts
    assert int(shown.group(1)) >= finished - 1  # a line may have been cut while it was written
    assert fingerprint(responses / f"{name}.jsonl") == whole
    assert not list(responses.glob(".*partial*"))
