"""Responses on disk as soon as they are finished, so that an interruption loses none of them."""

import json
import time
from pathlib import Path
from typing import Any

from ifeval.jsonl import dump_line
from tuning.core.errors import writing

# Keys that dvc.yaml declares and that cannot change an answer: finished answers are kept when they change.
WITHOUT = {
    "generation.batch_size": "an answer is the same in every batch",
    "generation.num_batches": "it only says how many prompts are answered",
}


class Partial:
    """The finished responses of one run, in a folder for its unfinished work.

    Args:
        folder: as ``tuning.core.unfinished_work`` makes it; of one run only.
        name: of the files in it.
        rank: of several processes, this one's number; each writes a file of its own.
    """

    def __init__(self, folder: Path, name: str = "responses", rank: int = 0):
        self.folder, self.name = folder, name
        self.path = folder / f"{name}-{rank}.jsonl"
        self.rows: dict[Any, dict[str, Any]] = {}
        if self.path.is_file():
            self._mend()
        self.gather()

    def gather(self) -> None:
        """Reads what all processes of this run have finished; an incomplete last line is read next time.

        A line that is damaged, as a machine that lost its power may leave it, is left out and answered again.
        """
        for path in sorted(self.folder.glob(f"{self.name}-*.jsonl")):
            content = path.read_bytes()
            for line in content[: content.rfind(b"\n") + 1].split(b"\n"):
                try:
                    row = json.loads(line)
                    self.rows[row["key"]] = row
                except (ValueError, TypeError, KeyError):
                    continue

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Appends finished responses to the disk."""
        with writing(self.path), self.path.open("ab") as file:
            file.write(b"".join(map(dump_line, rows)))
        self.rows |= {row["key"]: row for row in rows}

    def collect(self, keys: list[Any]) -> list[dict[str, Any]]:
        """The responses in the order of the keys.

        Waits until the other processes have answered their part; if one fails, the launcher ends all.
        """
        while not all(key in self.rows for key in keys):
            time.sleep(0.05)
            self.gather()
        return [self.rows[key] for key in keys]

    def _mend(self) -> None:
        """Drops a last line that was cut off while it was written."""
        content = self.path.read_bytes()
        with self.path.open("r+b") as file:  # in place, since a full disk has no room for a second
            file.truncate(content.rfind(b"\n") + 1)
