"""Responses on disk as soon as they are finished, so that an interruption loses none of them."""

import json
import time
from pathlib import Path
from typing import Any

from ifeval.jsonl import dump_line
from tuning.core.files import write_jsonl


class Partial:
    """The finished responses of one run of ``generate``, beside the file that they are for.

    Args:
        path: the file that ``finish`` writes.
        run_id: what the responses depend on; those of another run are never used.
        rank: of several processes, this one's number; each writes a file of its own.
    """

    def __init__(self, path: Path, run_id: str, rank: int = 0):
        self.path = path
        self.run_id = run_id
        self.partial = path.with_name(f".{path.stem}-{run_id}-{rank}.partial.jsonl")
        self.rows: dict[Any, dict[str, Any]] = {}
        if self.partial.is_file():
            self._mend()
        self.gather()

    def gather(self) -> None:
        """Reads what all processes of this run have finished; a line that is being written is left for later."""
        for path in sorted(self.path.parent.glob(f".{self.path.stem}-{self.run_id}-*.partial.jsonl")):
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1].decode("utf-8").split("\n")
            self.rows |= {row["key"]: row for row in map(json.loads, filter(None, whole))}

    def add(self, rows: list[dict[str, Any]]) -> None:
        """Appends finished responses to the disk."""
        self.partial.parent.mkdir(parents=True, exist_ok=True)
        with self.partial.open("ab") as file:
            file.write(b"".join(map(dump_line, rows)))
        self.rows |= {row["key"]: row for row in rows}

    def finish(self, keys: list[Any]) -> list[dict[str, Any]]:
        """Writes all responses in the order of the keys and returns them; nothing partial is left.

        Waits until the other processes have answered their share; if one fails, the launcher ends all.
        """
        while not all(key in self.rows for key in keys):
            time.sleep(0.05)
            self.gather()
        rows = [self.rows[key] for key in keys]
        write_jsonl(self.path, rows)
        self.clear()
        return rows

    def clear(self) -> None:
        """Removes what is partial, of this run and of others."""
        for leftover in self.path.parent.glob(f".{self.path.stem}-*.partial.jsonl"):
            leftover.unlink()

    def _mend(self) -> None:
        """Drops a last line that was cut off while it was written."""
        content = self.partial.read_bytes()
        self.partial.write_bytes(content[: content.rfind(b"\n") + 1])
