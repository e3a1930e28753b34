"""The evaluation prompts, from google/IFEval on the Hub or a file in its schema."""

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ifeval.jsonl import RecordError, dump_line, read_lines
from ifeval.records import read_prompts
from tuning.core.errors import UserError, writing
from tuning.data import origins
from tuning.data.literal_json import BLANK, PLAIN, list_in_text
from tuning.data.origins import Origin
from tuning.data.rows import RowError

KEY = "ifeval.prompts"
COLUMNS = ("key", "prompt", "instruction_id_list", "kwargs")


def read(source: Origin) -> list[dict[str, Any]]:
    """The rows with key, prompt, instruction_id_list and kwargs, nulls stripped, every instruction checked.

    Args:
        source: a local file of any kind that ``dataset`` may be, or a data set of the Hub, which may be named by its
            id.

    Raises:
        UserError: it is not there, or a row is malformed; the message names file and line.
    """
    origin = origins.origin(source, key=KEY) if isinstance(source, str) else source
    return _checked(origin if isinstance(origin, str) else origin.name, origins.rows(origin, PLAIN, key=KEY))


def _checked(source: str, rows: Iterable[tuple[str, dict[str, Any] | RowError]]) -> list[dict[str, Any]]:
    """The rows, checked by the scorer itself, whose messages then name the place that each row comes from."""
    places, lines = [], []
    for place, row in rows:
        if isinstance(row, RowError):
            raise UserError(f"{place}: {row}")
        places.append(place)
        row = {name: row[name] for name in COLUMNS if name in row}  # others may hold what JSON cannot, such as dates
        lines.append(dump_line(_with_lists(row)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "prompts.jsonl")
        with writing(path):
            path.write_bytes(b"".join(lines))
        try:
            read_prompts(path)
            return [_stripped(row) for _, row in read_lines(path)]
        except RecordError as error:
            message = re.sub(
                rf"{re.escape(str(path))}, line (\d+)", lambda match: places[int(match[1]) - 1], str(error), count=1
            )
            already = r"(?<=already stands in )line (\d+)$"
            message = re.sub(already, lambda match: places[int(match[1]) - 1].removeprefix(f"{source}, "), message)
            raise UserError(message.replace(str(path), source)) from None


def _with_lists(row: dict[str, Any]) -> dict[str, Any]:
    """The row with the lists that stand as JSON text, as in a CSV file; a blank cell holds none."""
    texts = {name: row[name] for name in ("instruction_id_list", "kwargs") if isinstance(row.get(name), str)}
    lists = {name: list_in_text(text, PLAIN) for name, text in texts.items()}
    return row | {name: found for name, found in lists.items() if found is not None or texts[name].strip() in BLANK}


def _stripped(row: dict[str, Any]) -> dict[str, Any]:
    kwargs = row.get("kwargs") or [None] * len(row["instruction_id_list"])
    kwargs = [{key: value for key, value in (given or {}).items() if value is not None} for given in kwargs]
    return {name: row[name] for name in COLUMNS if name != "kwargs"} | {"kwargs": kwargs}
