"""A full or read-only disk, taken places and broken weights: one message, and all that was finished is still there."""

import importlib
import os
import shutil
from pathlib import Path

import pytest
import yaml

from stages import train
from tests import small_disk, tiny
from tests.combinations import slow
from tests.stages.training_runs import ROWS
from tuning.core.command import run

STAGES = ["prepare", "baseline", "train", "generate", "ifeval", "resources"]
OUTPUTS = {
    "prepare": ["data/prepared/train.jsonl", "data/prepared/sample.md", "metrics/data.json"],
    "baseline": ["data/responses/base.jsonl", "metrics/baseline.json", "metrics/measured/baseline.json"],
    "train": ["models/adapter", "metrics/train.json", "metrics/measured/train.json", "metrics/curves"],
    "generate": ["data/responses/tuned.jsonl", "metrics/generate.json", "metrics/measured/generate.json"],
    "ifeval": ["data/report", "metrics/ifeval.json", "metrics/ifeval_by_type.csv", "metrics/response_lengths.csv"],
    "resources": ["metrics/resources.json", "metrics/resources.csv"],
}
LEFT = [0, 4096, 20_000, 60_000, 150_000]  # bytes that are free when a stage starts


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_model):
    """A folder in which all stages have run."""
    folder = tmp_path_factory.mktemp("finished")
    for source, name, count in (("instructions", "rows", ROWS), ("prompts", "prompts", 6)):
        lines = (tiny.ROOT / f"data/starter/{source}.jsonl").read_text(encoding="utf-8").splitlines()[:count]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "params.yaml").write_text(yaml.safe_dump(tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")))
    shutil.copy(tiny.ROOT / "dvc.yaml", folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setattr(train, "keep_freed_memory", lambda: None)
        for stage in STAGES:
            main_of(stage)()
    shutil.rmtree(folder / ".dvc", ignore_errors=True)
    return folder


@pytest.fixture
def disk(finished, tmp_path, monkeypatch):
    """The same on a file system of 2 MiB of its own."""
    monkeypatch.setattr(train, "keep_freed_memory", lambda: None)
    with small_disk.mounted(tmp_path / "disk", 2 << 20) as folder:
        shutil.copytree(finished, folder, dirs_exist_ok=True)
        monkeypatch.chdir(folder)
        yield folder
        os.chdir(tmp_path)


def main_of(stage):
    return importlib.import_module(f"stages.{stage}").main


def failure(stage, capsys) -> str | None:
    """Runs a stage as its script does, and returns the one line in which it says why it failed, if it did."""
    capsys.readouterr()
    try:
        run(main_of(stage), lock=stage)
    except SystemExit as ended:
        code = ended.code
    else:
        return None
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert (code, len(errors)) == (1, 1)
    return errors[0]


def results() -> dict[str, bytes]:
    """What all stages have written, without measurements."""
    paths = [path for folder in ("data", "metrics", "models") for path in Path(folder).rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in paths if not is_measured(path)}


def is_measured(path: Path) -> bool:
    return "measured" in path.parts or path.name.startswith("resources")


@pytest.mark.parametrize("stage", [stage if stage in ("prepare", "train") else slow(stage) for stage in STAGES])
def test_a_full_disk(disk, capsys, stage):
    whole = results()
    said = []
    for left in LEFT:
        filler = small_disk.fill(disk, left)
        said.append(failure(stage, capsys))
        assert results() == whole, left
        assert not [path for name in ("data", "metrics", "models") for path in Path(name).rglob("*.new")]
        filler.unlink()
    assert said[0]
    assert all("make room" in text for text in filter(None, said)), said
    assert failure(stage, capsys) is None
    assert results() == whole


@pytest.mark.parametrize("stage", STAGES)
def test_a_read_only_disk(disk, capsys, stage):
    whole = results()
    small_disk.remount(disk, "ro")
    assert "Read-only file system: make it writable" in failure(stage, capsys)
    small_disk.remount(disk, "rw")
    assert results() == whole
    assert failure(stage, capsys) is None


@pytest.fixture
def copy(finished, tmp_path, monkeypatch):
    """The finished folder, to be changed."""
    monkeypatch.setattr(train, "keep_freed_memory", lambda: None)
    shutil.copytree(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("stage", STAGES)
def test_an_output_s_place_is_taken(copy, capsys, stage):
    whole = results()
    for number, name in enumerate(OUTPUTS[stage]):
        path, aside = Path(name), copy / f"aside-{number}"
        path.rename(aside)
        kept = path / "kept" if aside.is_file() else path
        kept.parent.mkdir(exist_ok=True)
        kept.write_text("mine")
        said = failure(stage, capsys)
        assert name in said
        assert "move it away" in said
        assert kept.read_text() == "mine"
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.symlink_to(aside)
    asides = contents(copy.glob("aside-*"))
    assert failure(stage, capsys) is None
    assert results() == whole
    assert not [name for name in OUTPUTS[stage] if Path(name).is_symlink()]
    assert contents(copy.glob("aside-*")) == asides


def contents(paths) -> list[bytes]:
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    return [file.read_bytes() for file in files if file.is_file()]


@pytest.mark.parametrize(
    ("stage", "name"), [("baseline", "model"), ("train", "model"), ("generate", "model"), ("generate", "adapter")]
)
@pytest.mark.parametrize("how", ["cut", "empty", "words"])
def test_weights_that_cannot_be_read(copy, capsys, tiny_model, stage, name, how):
    whole = results()
    folder = Path("models/adapter")
    if name == "model":
        folder = shutil.copytree(tiny_model, copy / "base")
        values = yaml.safe_load(Path("params.yaml").read_text())
        Path("params.yaml").write_text(yaml.safe_dump({**values, "model": "base"}))
    (weights,) = folder.glob("*.safetensors")
    content = weights.read_bytes()
    weights.write_bytes({"cut": content[:-1000], "empty": b"", "words": b"not weights, but words"}[how])
    assert folder.name in failure(stage, capsys)
    weights.write_bytes(content)
    assert results() == whole
