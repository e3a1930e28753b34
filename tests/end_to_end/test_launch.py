"""Two processes on the CPU do what one does."""

import csv
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest
import yaml

from tests.end_to_end.project import HANGS, Project
from tuning.core.files import fingerprint, read_jsonl
from tuning.core.stage_lock import LAUNCHED

pytestmark = pytest.mark.slow


@pytest.fixture
def work(project):
    """The clone with rows in random order, which does not depend on the batch size; as it was afterwards."""
    values = yaml.safe_load((project.folder / "params.yaml").read_text())
    values["train"].update(train_sampling_strategy="random", max_steps=5, per_device_train_batch_size=4)
    project.write_params(values)
    yield project
    project.run("git", "checkout", "--quiet", ".")
    project.run("make", "clean-unfinished")
    project.dvc("checkout", "--force")


def change(project, **sections):
    values = yaml.safe_load((project.folder / "params.yaml").read_text())
    for name, changes in sections.items():
        if isinstance(changes, dict):
            values[name].update(changes)
        else:
            values[name] = changes
    project.write_params(values)


def stage(project, name, check=True):
    return project.run(sys.executable, "-m", f"stages.{name}", check=check)


def curve(project, name):
    path = project.folder / f"metrics/curves/plots/metrics/{name}.tsv"
    with path.open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file, delimiter="\t")]


def test_ddp_gives_the_losses_and_responses_of_one_process(work):
    change(work, unlikelihood={"answers": 4})
    stage(work, "train")
    alone = {name: curve(work, name) for name in ("train/loss", "validation/loss")}
    responses = work.folder / "data/responses/base.jsonl"
    whole = fingerprint(responses)

    change(work, launch="configs/accelerate/ddp_cpu.yaml", train={"per_device_train_batch_size": 2})
    said = stage(work, "train").stdout
    assert "x 2 processes" in said
    assert said.count("train: models/base/tiny") == 1  # only process 0 speaks
    for name, losses in alone.items():
        assert len(losses) >= 2
        assert curve(work, name) == pytest.approx(losses, abs=1e-4)
    assert not (work.folder / "unfinished").exists()

    responses.unlink()
    stage(work, "baseline")
    stage(work, "generate")
    assert fingerprint(responses) == whole
    assert len(read_jsonl(work.folder / "data/responses/tuned.jsonl")) == len(read_jsonl(responses))


def two_nodes(project, port: int) -> str:
    """Writes the config file of two machines with a process each, and returns its name."""
    values = yaml.safe_load((project.folder / "configs/accelerate/ddp_cpu.yaml").read_text())
    values |= {"num_machines": 2, "num_processes": 2, "main_process_ip": "127.0.0.1", "main_process_port": port}
    values |= {"rdzv_backend": "c10d", "same_network": True}
    name = "configs/accelerate/two_nodes.yaml"
    (project.folder / name).write_text(yaml.safe_dump(values))
    return name


def second_node(project, config: str) -> subprocess.Popen:
    """Starts the second machine's process as docs/scaling.md says."""
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", config, "--machine_rank", "1"]
    environment = {**os.environ, LAUNCHED: "1", "ACCELERATE_USE_CPU": "true"}
    output = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen([*launch, "-m", "stages.train"], cwd=project.folder, env=environment, **output)


def results(project) -> dict[str, str]:
    """Fingerprints of what train writes."""
    names = ("models/adapter", "metrics/train.json", "metrics/measured/train.json", "metrics/curves")
    return {name: fingerprint(project.folder / name) for name in names}


def test_two_nodes_train_to_the_losses_of_one_process_and_the_first_alone_writes(work, tmp_path):
    """Two launches on one host stand for two machines: unfinished work is common to both, results are not."""
    stage(work, "train")
    alone = {name: curve(work, name) for name in ("train/loss", "validation/loss")}
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        config = two_nodes(work, probe.getsockname()[1])
    change(work, launch=config, train={"per_device_train_batch_size": 2})
    other = Project.copy(work.folder, tmp_path / "other")
    shutil.rmtree(other.folder / "unfinished", ignore_errors=True)
    (work.folder / "unfinished").mkdir(exist_ok=True)
    (other.folder / "unfinished").symlink_to(work.folder / "unfinished")
    before, before_there = results(work), results(other)

    there = second_node(other, config)
    try:
        said = stage(work, "train").stdout
        said_there, _ = there.communicate(timeout=HANGS)
    finally:
        there.kill()
    assert there.returncode == 0, said_there
    assert said.count("x 2 processes") == 1
    assert "train: models/base/tiny" not in said_there
    for name, losses in alone.items():
        assert curve(work, name) == pytest.approx(losses, abs=1e-4)
    assert results(other) == before_there
    assert results(work) != before
    (work.folder / config).unlink()


def test_a_process_that_fails_ends_the_stage_with_its_error(work):
    before = fingerprint(work.folder / "models/adapter")
    change(work, launch="configs/accelerate/ddp_cpu.yaml", lora={"target_modules": ["q_prj"]})
    failed = stage(work, "train", check=False)
    assert failed.returncode == 1
    assert "q_prj" in failed.stdout
    assert "stages.train failed under accelerate launch" in failed.stdout
    assert fingerprint(work.folder / "models/adapter") == before


def test_a_stage_that_is_killed_takes_its_processes_with_it_and_the_next_run_goes_on(work):
    change(work, launch="configs/accelerate/ddp_cpu.yaml", train={"per_device_train_batch_size": 2, "save_steps": 1})
    stage(work, "train")
    whole = {name: found for name, found in results(work).items() if "measured" not in name}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    killed = subprocess.Popen([sys.executable, "-m", "stages.train"], cwd=work.folder, **quiet)
    while not list(work.folder.glob("unfinished/train/*/checkpoint-1/trained.safetensors")):
        assert killed.poll() is None, "it has ended before"
        time.sleep(0.01)
    processes = psutil.Process(killed.pid).children(recursive=True)
    killed.kill()
    killed.wait()
    psutil.wait_procs(processes, timeout=HANGS)
    assert "going on from" in stage(work, "train").stdout
    assert {name: found for name, found in results(work).items() if "measured" not in name} == whole


def test_a_config_file_that_is_not_there(work):
    change(work, launch="configs/accelerate/none.yaml")
    failed = stage(work, "train", check=False)
    assert failed.returncode == 1
    assert "launch: configs/accelerate/none.yaml is not a file" in failed.stdout
