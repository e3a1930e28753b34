"""Two processes on the CPU do what one does."""

import csv
import sys

import pytest
import yaml

from tuning.core.files import fingerprint, read_jsonl


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


def test_a_process_that_fails_ends_the_stage_with_its_error(work):
    before = fingerprint(work.folder / "models/adapter")
    change(work, launch="configs/accelerate/ddp_cpu.yaml", lora={"target_modules": ["q_prj"]})
    failed = stage(work, "train", check=False)
    assert failed.returncode == 1
    assert "q_prj" in failed.stdout
    assert "stages.train failed under accelerate launch" in failed.stdout
    assert fingerprint(work.folder / "models/adapter") == before


def test_a_config_file_that_is_not_there(work):
    change(work, launch="configs/accelerate/none.yaml")
    failed = stage(work, "train", check=False)
    assert failed.returncode == 1
    assert "launch: configs/accelerate/none.yaml is not a file" in failed.stdout
