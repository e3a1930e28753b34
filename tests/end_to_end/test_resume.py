"""A stage that is killed goes on where it was, and ends with the same bytes."""

import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

from tuning.core.files import fingerprint

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def work(project):
    """The clone with more to do; as it was afterwards."""
    path = project.folder / "params.yaml"
    values = yaml.safe_load(path.read_text())
    values["train"].update(max_steps=40, save_steps=4, save_total_limit=2)
    values["lora"]["lora_dropout"] = 0.1  # so that the state of the random numbers matters
    values["generation"]["batch_size"] = 1  # no part of an answer, so that answers stay those of the first run
    values["data"]["self_distill"] = True  # the model answers requests, and then requests with instructions
    values["data"]["instructions"].update(fraction=1, types=["length_constraints:number_words"])
    project.write_params(values)
    yield project
    project.run("git", "checkout", "--quiet", ".")
    project.run("make", "clean-unfinished")
    project.dvc("checkout", "--force")


def stage(project, name):
    return project.run(sys.executable, "-m", f"stages.{name}").stdout


def kill_when(project, name, ready):
    """Starts a stage, and kills it with SIGKILL as soon as ``ready`` says so."""
    command = [sys.executable, "-m", f"stages.{name}"]
    process = subprocess.Popen(command, cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not ready():
        assert process.poll() is None, "the stage ended before it could be killed"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()


def there(project, pattern):
    """Whether unfinished work of this pattern is there, as a function to be asked again and again."""
    return lambda: any(project.folder.glob(f"unfinished/{pattern}"))


def finished_answers(project, name):
    return sum(path.read_bytes().count(b"\n") for path in project.folder.glob(f"unfinished/{name}/*/*.jsonl"))


@pytest.mark.parametrize(("name", "output"), [("baseline", "base"), ("generate", "tuned")])
def test_answers(work, name, output):
    results = (work.folder / f"data/responses/{output}.jsonl", work.folder / f"metrics/{name}.json")
    whole = fingerprint(*results)
    kill_when(work, name, lambda: finished_answers(work, name))
    assert fingerprint(*results) == whole  # what an earlier run finished is left alone
    finished = finished_answers(work, name)
    for path in results:
        path.unlink()
    said = stage(work, name)
    shown = re.search(rf"generate {output}: +\d+%\|[^|]*\| (\d+)/", said)  # where the bar starts
    assert int(shown.group(1)) >= finished >= 1
    assert fingerprint(*results) == whole
    assert not (work.folder / "unfinished").exists()


def test_training(work):
    results = [work.folder / name for name in ("models/adapter", "metrics/curves", "metrics/train.json")]
    stage(work, "train")
    whole = fingerprint(*results)
    kill_when(work, "train", there(work, "train/*/checkpoint-8"))  # while it is written
    kill_when(work, "train", there(work, "train/*/checkpoint-16/trained.safetensors"))  # when it is whole
    assert fingerprint(*results) == whole
    finished = work.folder.glob("unfinished/train/*/checkpoint-*/trained.safetensors")
    newest = max((path.parent for path in finished), key=lambda path: int(path.name.split("-")[1]))
    (newest / "optimizer.pt").write_bytes((newest / "optimizer.pt").read_bytes()[:100])
    said = stage(work, "train")
    assert f"{newest.name} cannot be used and is removed (" in said
    assert "train: going on from unfinished/train/" in said
    assert fingerprint(*results) == whole
    assert not (work.folder / "unfinished").exists()


def test_the_model_s_own_answers(work):
    results = (work.folder / "data/prepared", work.folder / "metrics/data.json")
    before = fingerprint(*results)
    kill_when(work, "prepare", lambda: finished_answers(work, "prepare"))
    assert fingerprint(*results) == before
    resumed, finished = stage(work, "prepare"), fingerprint(*results)
    assert not (work.folder / "unfinished").exists()
    whole = stage(work, "prepare")
    assert fingerprint(*results) == finished
    bars = [len(re.findall(r"own answers: +0%\|[^|]*\| 0/\d+ \[00:00<\?", said)) for said in (resumed, whole)]
    assert bars == [1, 2]  # the requests were answered before the kill
