"""The real dvc in a fresh clone: everything runs once, and a change reruns what depends on it."""

import filecmp
import json

import pytest
import yaml

from tuning.core.files import fingerprint

ALL = {"prepare", "baseline", "train", "generate", "ifeval", "resources"}


def metrics(project, name):
    return json.loads((project.folder / f"metrics/{name}.json").read_text())


def outputs(project):
    """A fingerprint of each output of dvc.lock, as it lies in the workspace."""
    paths = (out["path"] for stage in project.lock()["stages"].values() for out in stage["outs"])
    return {path: fingerprint(project.folder / path) for path in paths}


def test_everything_runs_in_a_fresh_clone(project):
    assert set(project.ran_first) == ALL


def test_every_result_is_there(project):
    responses = (project.folder / "data/responses/tuned.jsonl").read_text(encoding="utf-8").splitlines()
    prompts = (project.folder / "data/prepared/prompts.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(responses) == len(prompts) == metrics(project, "ifeval")["prompts"]
    assert set(json.loads(responses[0])) == {"key", "prompt", "response", "new_tokens", "finish_reason"}
    assert metrics(project, "train")["steps"] == 4
    resources = metrics(project, "resources")["train"]
    assert resources["measured"]["peak_memory_bytes"] > 0
    assert -0.5 < resources["relative_error"] < 0.5
    assert resources["flops"] > 0
    assert metrics(project, "generate")["tuned"]["responses"] == len(prompts)
    assert set(metrics(project, "generate")) == {"longest_prompt_tokens", "tuned"}
    assert metrics(project, "baseline")["base"]["responses"] == len(prompts)
    assert not (project.folder / "unfinished").exists()


def test_nothing_is_left_uncommitted_or_untracked(project):
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_a_second_repro_runs_nothing_whatever_the_keys_that_change_nothing(project):
    values = yaml.safe_load((project.folder / "params.yaml").read_text())
    values["generation"].update(timeout=1, concurrency=1, base_url="http://elsewhere/v1")
    values["resources"]["strict"] = True
    project.write_params(values)
    assert project.stages_run("repro") == []
    project.run("git", "checkout", "--quiet", ".")


def test_what_one_expects_to_see(project):
    shown = project.dvc("exp", "show", "--md")
    columns = "model dataset lora.r train.learning_rate validation_loss tuned.inst_level_strict_acc".split()
    assert [column for column in columns if column not in shown] == []
    assert "tuned.prompt_level_strict_acc" in project.dvc("metrics", "show")
    page = project.dvc("plots", "show", "--out", "plots")
    assert (project.folder / "plots/index.html").is_file(), page
    assert "Training loss" in (project.folder / "plots/index.html").read_text(encoding="utf-8")
    project.run("rm", "-r", "plots")


def restore(project):
    project.run("git", "checkout", "--quiet", ".")
    project.dvc("checkout")


@pytest.mark.slow
def test_what_only_changes_training_runs_the_rest_once_and_comes_back_from_the_run_cache(project):
    experiment = ("exp", "run", "--set-param", "lora.r=2", "--set-param", "train.learning_rate=1e-3")
    first = outputs(project)
    assert project.stages_run(*experiment) == ["train", "generate", "ifeval", "resources"]
    changed = outputs(project)
    assert {name for name in first if first[name] != changed[name]} >= {"models/adapter", "metrics/train.json"}
    assert "trainable_parameters" in project.dvc("metrics", "diff")
    restore(project)
    assert outputs(project) == first
    assert project.stages_run(*experiment) == []
    assert outputs(project) == changed
    project.run("git", "checkout", "--quiet", "params.yaml")
    assert project.stages_run("repro") == []
    assert outputs(project) == first
    restore(project)


@pytest.mark.slow
def test_another_length_does_not_train(project):
    ran = project.stages_run("exp", "run", "--set-param", "generation.max_new_tokens=4")
    assert set(ran) == ALL - {"prepare", "train"}
    restore(project)


def test_a_failed_run_leaves_what_checkout_restores(project):
    before = outputs(project)
    failed = project.run("dvc", "exp", "run", "--set-param", "+lora.rank=3", check=False)
    assert failed.returncode != 0
    assert "unknown key 'lora.rank'" in failed.stdout
    restore(project)
    assert outputs(project) == before
    assert project.run("git", "status", "--porcelain").stdout == ""
    assert "up to date" in project.dvc("status")


def test_push_and_pull_bring_the_adapter_to_another_clone(project, tmp_path):
    project.dvc("remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    project.dvc("push")
    project.run("git", "clone", "--quiet", str(project.folder), str(tmp_path / "other"))
    other = tmp_path / "other"
    for command in (["remote", "add", "--local", "--default", "store", str(tmp_path / "store")], ["pull"]):
        project.run("dvc", "--cd", str(other), *command)
    same = filecmp.dircmp(project.folder / "models/adapter", other / "models/adapter")
    assert same.common_files
    assert not same.diff_files + same.left_only + same.right_only
