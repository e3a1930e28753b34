"""The evaluation prompts, from google/IFEval on the Hub or a file in its schema."""

import tempfile
from pathlib import Path
from typing import Any

from ifeval.jsonl import RecordError, dump_line, read_lines
from ifeval.records import read_prompts
from tuning.core.errors import UserError
from tuning.model.hub import borrow, explain


def read(source: str) -> list[dict[str, Any]]:
    """The rows with key, prompt, instruction_id_list and kwargs, nulls stripped, every instruction checked.

    Args:
        source: a local JSONL file (gzipped or not), or the id of a data set of the Hub.

    Raises:
        UserError: it is not there, or a row is malformed; the message names file and line.
    """
    path = Path(source)
    borrow(source)
    if path.suffix in (".jsonl", ".json", ".gz") or path.exists():
        return _checked(path)
    with explain("data set", source):
        import datasets

        rows = datasets.load_dataset(source, split="train")
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder, source.replace("/", "--") + ".jsonl")
        local.write_bytes(b"".join(dump_line(row) for row in rows))
        return _checked(local)


def _checked(path: Path) -> list[dict[str, Any]]:
    try:
        read_prompts(path)
        return [_stripped(row) for _, row in read_lines(path)]
    except RecordError as error:
        raise UserError(str(error)) from None


def _stripped(row: dict[str, Any]) -> dict[str, Any]:
    kwargs = [{key: value for key, value in given.items() if value is not None} for given in row["kwargs"]]
    return {name: row[name] for name in ("key", "prompt", "instruction_id_list")} | {"kwargs": kwargs}
