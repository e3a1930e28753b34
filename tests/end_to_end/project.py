"""A clone of the project, as it stands in the working tree, that runs the real dvc."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import yaml

from tests import tiny

HANGS = 3600  # seconds after which a command is taken to hang, on however slow a machine


class Project:
    """A clone in its folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    @classmethod
    def make(cls, folder: Path, model: Path) -> "Project":
        """Clones into the folder; takes the tiny model from its own, and a handful of rows."""
        subprocess.run(["git", "clone", "--quiet", str(tiny.ROOT), str(folder)], check=True)
        project = cls(folder)
        project._overlay()
        shutil.copytree(model, folder / "models/base/tiny")
        for source, name, rows in (("instructions", "rows", 24), ("prompts", "prompts", 60)):
            lines = (folder / f"data/starter/{source}.jsonl").read_text(encoding="utf-8").splitlines()
            lines = lines[:: len(lines) // rows] if source == "prompts" else lines[:rows]
            (folder / f"data/own/{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        project.write_params(tiny.params("models/base/tiny", "data/own/rows.jsonl", "data/own/prompts.jsonl"))
        project.commit("tiny")
        return project

    @classmethod
    def copy(cls, finished: Path, folder: Path) -> "Project":
        """A project of its own with all that is in the folder ``finished``, DVC's cache included."""
        shutil.copytree(finished, folder, symlinks=True)
        return cls(folder)

    def _overlay(self) -> None:
        """The working tree may be ahead of its last commit."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=tiny.ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            source, target = tiny.ROOT / name, self.folder / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
            else:
                target.unlink(missing_ok=True)

    def write_params(self, values: dict) -> None:
        (self.folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess:
        """Runs a command in the clone; output and errors together."""
        environment = {**os.environ, "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org"}
        environment |= {"GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org", "COLUMNS": "400"}
        output = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(command, cwd=self.folder, env=environment, timeout=HANGS, **output)
        assert not check or done.returncode == 0, done.stdout
        return done

    def dvc(self, *arguments: str) -> str:
        return self.run("dvc", *arguments).stdout

    def stages_run(self, *arguments: str) -> list[str]:
        """The stages that a dvc command runs, in their order."""
        return re.findall(r"^Running stage '(\w+)'", self.dvc(*arguments), re.MULTILINE)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--allow-empty", "--message", message)

    def lock(self) -> dict:
        """dvc.lock as a mapping."""
        return yaml.safe_load((self.folder / "dvc.lock").read_text(encoding="utf-8"))
