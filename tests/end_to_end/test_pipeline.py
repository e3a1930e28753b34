"""The real dvc in a fresh clone: everything runs once, and a change reruns what depends on it."""

import filecmp
import json

ALL = {"prepare", "baseline", "train", "generate", "ifeval", "resources"}


def metrics(project, name):
    return json.loads((project.folder / f"metrics/{name}.json").read_text())


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
    assert not list((project.folder / "models").glob("checkpoints*"))


def test_nothing_is_left_uncommitted_or_untracked(project):
    assert project.run("git", "status", "--porcelain").stdout == ""


def test_a_second_repro_runs_nothing(project):
    assert project.stages_run("repro") == []


def test_what_one_expects_to_see(project):
    shown = project.dvc("exp", "show", "--md")
    columns = "model dataset lora.r train.learning_rate validation_loss tuned.inst_level_strict_acc".split()
    assert [column for column in columns if column not in shown] == []
    assert "tuned.prompt_level_strict_acc" in project.dvc("metrics", "show")
    page = project.dvc("plots", "show", "--out", "plots")
    assert (project.folder / "plots/index.html").is_file(), page
    assert "Training loss" in (project.folder / "plots/index.html").read_text(encoding="utf-8")
    project.run("rm", "-r", "plots")


def test_what_only_changes_training_neither_prepares_nor_asks_the_base_model_again(project):
    ran = project.stages_run("exp", "run", "--set-param", "lora.r=2", "--set-param", "train.learning_rate=1e-3")
    assert ran == ["train", "generate", "ifeval", "resources"]
    assert "trainable_parameters" in project.dvc("metrics", "diff")
    project.run("git", "checkout", "--quiet", ".")
    project.dvc("checkout")


def test_another_length_does_not_train(project):
    ran = project.stages_run("exp", "run", "--set-param", "generation.max_new_tokens=4")
    assert set(ran) == ALL - {"prepare", "train"}
    project.run("git", "checkout", "--quiet", ".")
    project.dvc("checkout")


def test_a_wrong_parameter_leaves_the_results(project):
    before = (project.folder / "models/adapter/adapter_model.safetensors").read_bytes()
    failed = project.run("dvc", "exp", "run", "--set-param", "+lora.rank=3", check=False)
    assert failed.returncode != 0
    assert "unknown key 'lora.rank'" in failed.stdout
    project.run("git", "checkout", "--quiet", ".")
    assert (project.folder / "models/adapter/adapter_model.safetensors").read_bytes() == before


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
