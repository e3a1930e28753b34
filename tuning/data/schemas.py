"""Instruction data sets of any common schema, as prompt-completion conversations.

To add a schema, write a function from a row to a list of messages and name it in ``SCHEMAS``.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ifeval.jsonl import RecordError, read_lines
from tuning.core.errors import UserError
from tuning.model.chat_template import Message

_ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}


def alpaca(row: dict[str, Any]) -> list[Message]:
    """instruction, input, output: the input, if any, follows the instruction after a blank line."""
    request = "\n\n".join(part for part in (_text(row, "instruction"), _text(row, "input", "")) if part)
    return _turns(request, _text(row, "output"))


def preference(row: dict[str, Any]) -> list[Message]:
    """prompt, chosen: of the preferred conversation, or its bare text, the assistant's last turn is used."""
    chosen = row["chosen"]
    if isinstance(chosen, list):
        replies = [message for message in _messages(chosen) if message["role"] == "assistant"]
        if not replies:
            raise ValueError("'chosen' holds no turn of the assistant")
        chosen = replies[-1]["content"]
    return _turns(_text(row, "prompt"), str(chosen or "").strip())


def prompt_completion(row: dict[str, Any]) -> list[Message]:
    """prompt, completion: texts, or lists of messages as TRL has them."""
    prompt, completion = row["prompt"], row["completion"]
    first = _messages(prompt) if isinstance(prompt, list) else [{"role": "user", "content": _text(row, "prompt")}]
    if isinstance(completion, list):
        return first + _messages(completion)
    return [*first, {"role": "assistant", "content": _text(row, "completion")}]


def prompt_response(row: dict[str, Any]) -> list[Message]:
    """prompt, response."""
    return _turns(_text(row, "prompt"), _text(row, "response"))


def messages(row: dict[str, Any]) -> list[Message]:
    """messages: a list of role and content."""
    return _messages(row["messages"])


def conversations(row: dict[str, Any]) -> list[Message]:
    """conversations: a list of from and value, or, as in LIMA, of bare texts, the user's first."""
    turns = row["conversations"]
    if turns and all(isinstance(turn, str) for turn in turns):
        return [{"role": ("user", "assistant")[i % 2], "content": turn.strip()} for i, turn in enumerate(turns)]
    return _messages(turns)


# Recognised by their columns, the first that fits.
SCHEMAS: dict[tuple[str, ...], Callable[[dict[str, Any]], list[Message]]] = {
    ("messages",): messages,
    ("conversations",): conversations,
    ("prompt", "completion"): prompt_completion,
    ("prompt", "response"): prompt_response,
    ("prompt", "chosen"): preference,
    ("instruction", "output"): alpaca,
}


@dataclass(frozen=True)
class Conversation:
    """One row: ``prompt`` ends with the user's turn that ``completion``, the assistant's, answers."""

    prompt: list[Message]
    completion: list[Message]


def read(dataset: str, columns: dict[str, str] | None = None) -> Iterator[tuple[str, Conversation | None]]:
    """Each row of a data set, in its order, with the place it comes from; None where the row is empty.

    Args:
        dataset: a local JSONL, JSON, CSV or Parquet file, or the id of a data set of the Hub, of which
            the split ``train`` is read.
        columns: for a schema that is not known, the name that a known schema has for a column, and the
            data set's own name for it: ``{"prompt": "question", "completion": "answer"}``.

    Raises:
        UserError: the data set is not there, a file or a row is malformed, or no schema fits.
    """
    convert, first = None, ""
    for place, row in _rows(dataset):
        if columns:
            row = _renamed(row, columns, place)
        if convert is None:
            convert = _schema(row, place)
            first = ", ".join(row)
        try:
            turns = convert(row)
        except KeyError as error:
            raise UserError(f"{place}: the column {error} is missing; the first row has {first}") from None
        except (TypeError, ValueError) as error:
            raise UserError(f"{place}: {error}") from None
        yield place, _conversation(turns)


def _conversation(turns: list[Message]) -> Conversation | None:
    """Prompt and completion; a dangling turn of the user at the end is left out."""
    while turns and turns[-1]["role"] != "assistant":
        turns = turns[:-1]
    if len(turns) < 2 or not all(turn["content"].strip() for turn in turns) or turns[-2]["role"] != "user":
        return None
    return Conversation(turns[:-1], turns[-1:])


def _rows(dataset: str) -> Iterator[tuple[str, dict[str, Any]]]:
    from tuning.model.hub import borrow

    borrow(dataset)
    path = Path(dataset)
    kind = path.suffix.lower().lstrip(".")
    if kind == "jsonl" or (kind == "json" and path.is_file() and _holds_lines(path)):
        try:
            yield from ((f"{dataset}, line {line}", row) for line, row in read_lines(path))
        except RecordError as error:
            raise UserError(str(error)) from None
    elif kind in ("json", "csv", "parquet"):
        rows = _load(dataset, kind, data_files=str(path)) if path.is_file() else None
        if rows is None:
            raise UserError(f"{dataset}: there is no such file")
        yield from ((f"{dataset}, row {number}", row) for number, row in enumerate(rows, start=1))
    elif path.exists():
        raise UserError(f"{dataset}: a data file must end with .jsonl, .json, .csv or .parquet")
    else:
        yield from ((f"{dataset}, row {number}", row) for number, row in enumerate(_hub(dataset), start=1))


def _holds_lines(path: Path) -> bool:
    with path.open(encoding="utf-8-sig") as file:
        return file.read(1) != "["


def _load(dataset: str, *args: str, **kwargs: Any):
    import datasets

    try:
        return datasets.load_dataset(*args, split="train", **kwargs)
    except Exception as error:  # the library raises errors of many libraries
        cause = error.__cause__ or error
        raise UserError(f"{dataset}: cannot be read as a data set: {str(cause).strip().splitlines()[0]}") from error


def _hub(dataset: str):
    from tuning.model.hub import explain

    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", dataset):
        raise UserError(f"dataset: {dataset!r} is neither a local file nor the id of a data set of the Hub")
    import datasets

    with explain("data set", dataset):
        if dataset == "GAIR/lima":  # its loading script no longer runs; the file behind it can be read
            return datasets.load_dataset("json", data_files="hf://datasets/GAIR/lima/train.jsonl", split="train")
        return datasets.load_dataset(dataset, split="train")


def _schema(row: dict[str, Any], place: str) -> Callable[[dict[str, Any]], list[Message]]:
    for columns, convert in SCHEMAS.items():
        if all(column in row for column in columns):
            return convert
    known = "; ".join(" + ".join(columns) for columns in SCHEMAS)
    advice = "'data.columns' can map other names to these"
    raise UserError(f"{place}: no known schema has the columns {', '.join(row)}; known are {known}; {advice}")


def _renamed(row: dict[str, Any], columns: dict[str, str], place: str) -> dict[str, Any]:
    """The row with the named columns only, under the names of a known schema."""
    for own in columns.values():
        if own not in row:
            raise UserError(f"{place}: 'data.columns' names {own!r}, but the columns are {', '.join(row)}")
    return {name: row[own] for name, own in columns.items()}


def _text(row: dict[str, Any], column: str, default: str | None = None) -> str:
    value = row[column] if default is None else row.get(column, default)
    if value is not None and not isinstance(value, (str, int, float)):
        raise ValueError(f"the column {column!r} must hold text, not {type(value).__name__}")
    return "" if value is None else str(value).strip()


def _turns(request: str, reply: str) -> list[Message]:
    return [{"role": "user", "content": request}, {"role": "assistant", "content": reply}]


def _messages(turns: list[dict[str, Any]]) -> list[Message]:
    found = []
    for turn in turns:
        role = turn.get("role") or turn.get("from")
        if role not in _ROLES:
            raise ValueError(f"a turn has the role {role!r}; known are {', '.join(_ROLES)}")
        content = turn["content"] if "content" in turn else turn["value"]
        found.append({"role": _ROLES[role], "content": str(content or "").strip()})
    return found
