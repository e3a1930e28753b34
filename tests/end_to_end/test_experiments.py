"""Queued experiments in DVC's temporary folders, compared with each other and shared with another clone."""

import json

import pytest

pytestmark = pytest.mark.slow
NAMES = ("rank-2", "rank-3")


@pytest.fixture(scope="module")
def queued(project):
    """Two experiments that work and one that cannot, run one after the other from the queue."""
    project.run("git", "checkout", "--quiet", ".")
    project.dvc("checkout")
    project.run("dvc", "exp", "remove", "--all-commits", check=False)  # those of other tests, if there are any
    for name in NAMES:
        rank = f"lora.r={name[-1]}"
        project.dvc(
            "exp", "run", "--queue", "--name", name, "--set-param", rank, "--set-param", "train.learning_rate=5e-2"
        )
    project.dvc("exp", "run", "--queue", "--name", "broken", "--set-param", "lora.target_modules=[q_prj]")
    project.log = project.run("dvc", "exp", "run", "--run-all", "--jobs", "1", check=False).stdout
    yield project
    project.run("git", "checkout", "--quiet", ".")
    project.dvc("checkout", "--force")


def test_experiments_in_temporary_folders_find_the_model_and_leave_the_workspace(queued):
    shown = json.loads(queued.dvc("exp", "show", "--json"))
    experiments = {
        row["name"]: row for commit in shown for row in commit.get("experiments") or [] for row in row["revs"]
    }
    for name in NAMES:
        assert experiments[name]["data"]["metrics"]["metrics/ifeval.json"]["data"]["tuned"], queued.log
    assert queued.run("git", "status", "--porcelain").stdout == ""
    assert not (queued.folder / "models/base/tiny").is_symlink()
    assert (queued.folder / "models/base/tiny/config.json").is_file()


def test_one_that_fails_says_why_and_leaves_the_others_alone(queued):
    assert "q_prj" in queued.dvc("queue", "logs", "broken")
    states = {
        line.split()[1]: line.split()[-1] for line in queued.dvc("queue", "status").splitlines() if "rank" in line
    }
    assert set(states.values()) == {"Success"}


def test_compare_pairs_each_with_the_first(queued):
    table = queued.run("python", "-m", "stages.compare", "HEAD", *NAMES).stdout
    blocks = [block.splitlines() for block in table.strip().split("\n\n")]
    assert len(blocks) == 4
    for block in blocks:
        assert [line.split()[0] for line in block[2:]] == ["HEAD", *NAMES]
        assert len(block[2].split()) == 2  # the first has nothing to be compared with
        assert block[3].split()[-2] == "to"
    scores = json.loads((queued.folder / "metrics/ifeval.json").read_text())["tuned"]
    assert blocks[1][2].split()[1] == f"{100 * scores['inst_level_strict_acc']:.1f}"


def test_compare_names_what_it_cannot_find(queued):
    done = queued.run("python", "-m", "stages.compare", "HEAD", "nothing", check=False)
    assert done.returncode == 1
    assert "nothing" in done.stdout
    assert "dvc exp list" in done.stdout
    assert "two or more" in queued.run("python", "-m", "stages.compare", "HEAD", check=False).stdout


def test_the_table_in_a_terminal_shows_what_matters(queued):
    (queued.folder / ".venv").mkdir(exist_ok=True)
    (queued.folder / ".venv/.ready").touch()
    (queued.folder / ".venv/bin").mkdir(exist_ok=True)
    (queued.folder / ".venv/bin/python").touch()
    table = queued.run("make", "--no-print-directory", "experiments").stdout
    lines = [line for line in table.splitlines() if line.strip()]
    assert all(name in table for name in (*NAMES, "lora.r", "inst_level_strict_acc", "validation_loss"))
    assert "peak_memory" not in table
    assert max(map(len, lines)) <= 180, table


def test_plots_of_two_experiments(queued):
    page = queued.dvc("plots", "diff", *NAMES, "--out", "plots")
    html = (queued.folder / "plots/index.html").read_text(encoding="utf-8")
    for title in (
        "Training loss",
        "Learning rate",
        "Accuracy by instruction type",
        "Length of responses",
        "Memory by part",
    ):
        assert title in html, page
    assert html.count('"rev": "rank-2"') > 50
    assert html.count('"rev": "rank-3"') > 50
    queued.run("rm", "-r", "plots")


def test_an_experiment_with_its_adapter_reaches_another_clone(queued, tmp_path):
    queued.run("git", "init", "--quiet", "--bare", str(tmp_path / "git"))
    queued.run("git", "remote", "add", "shared", str(tmp_path / "git"))
    queued.run("git", "push", "--quiet", "shared", "HEAD:refs/heads/main")
    queued.dvc("remote", "add", "--local", "--default", "store", str(tmp_path / "store"), "--force")
    queued.dvc("exp", "push", "shared", "rank-2")
    other = tmp_path / "other"
    queued.run("git", "clone", "--quiet", "--branch", "main", str(tmp_path / "git"), str(other))
    queued.run("dvc", "--cd", str(other), "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    queued.run("dvc", "--cd", str(other), "exp", "pull", "origin", "rank-2")
    queued.run("dvc", "--cd", str(other), "exp", "apply", "rank-2")
    config = json.loads((other / "models/adapter/adapter_config.json").read_text())
    assert config["r"] == 2
    assert (other / "models/adapter/adapter_model.safetensors").stat().st_size > 0
    assert (other / "data/report/index.html").is_file()


def test_an_exported_model_is_the_base_of_another_experiment(queued):
    """Its answers as a base model are those that it gave as a tuned one."""
    queued.run("python", "-m", "stages.export", "exported/mine")
    tuned = responses(queued, "tuned")
    queued.dvc("exp", "run", "--name", "further", "--set-param", "model=exported/mine", "--set-param", "lora.r=2")
    assert responses(queued, "base") == tuned
    config = json.loads((queued.folder / "models/adapter/adapter_config.json").read_text())
    assert config["r"] == 2
    assert config["base_model_name_or_path"] == "exported/mine"


def responses(project, model):
    lines = (project.folder / f"data/responses/{model}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["response"] for line in lines]
