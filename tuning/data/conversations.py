"""The rows of a data set as conversations: which schema they have, and what ends or drops a row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tqdm import tqdm

from tuning.core.errors import UserError, explained
from tuning.core.terminal import printable
from tuning.data import origins
from tuning.data.origins import Origin
from tuning.data.own_instructions import carries_instructions, followed_types
from tuning.data.rows import RowError
from tuning.data.schemas import (
    LABELLED_FALSE,
    SCHEMAS,
    SYSTEM,
    TEXT_OR_TURNS,
    USUAL,
    columns_of,
    columns_read,
    filled,
    named,
    optional,
)
from tuning.data.turn_columns import with_turns
from tuning.data.turns import TOOL_TURNS, text
from tuning.model.chat_template import Message

_CONTEXT = ("context", "input", "passage", "background")  # what the Alpaca schema calls input
_NEVER_STOP = (TOOL_TURNS, LABELLED_FALSE)  # reasons for which a row is dropped and never ends the run
_GO_ON = "; 'data.on_error: drop' goes on without such rows"


@dataclass(frozen=True)
class Conversation:
    """One row: ``prompt`` ends with the user's turn that ``completion``, the assistant's, answers.

    Attributes:
        types: ids of the verifiable instructions that the row says it carries, and that its completion follows.
    """

    prompt: list[Message]
    completion: list[Message]
    types: tuple[str, ...] = ()


def stops_at_errors(origin: Origin, on_error: str) -> bool:
    """Whether a malformed row of a data set ends the run, as ``data.on_error`` says."""
    return on_error == "stop" or (on_error == "auto" and isinstance(origin, str))


def read(
    dataset: Origin,
    columns: dict[str, str] | None = None,
    stops: bool = True,
    drop: Callable[[str, str], None] = lambda reason, message: None,
) -> Iterator[tuple[str, Conversation | None]]:
    """Each row of a data set, in its order, with the place it comes from; None where the row is dropped.

    Args:
        dataset: a local file (``data_files``), or a data set of the Hub, which may be named by its id.
        columns: for a schema that is not known, the name that a known schema has for a column, and the
            data set's own name for it: ``{"prompt": "question", "completion": "answer"}``.
        stops: whether a malformed row raises; else it is dropped. Empty rows, rows with turns of tools and rows whose
            label is false are always dropped.
        drop: called with the reason and a message that names the row for each that is dropped.

    Raises:
        UserError: the data set is not there, a row is malformed, or no row can be used.
    """
    origin = origins.origin(dataset) if isinstance(dataset, str) else dataset
    name = origin if isinstance(origin, str) else origin.name
    reader, first_error, used = _Reader(name, columns), None, False
    names = [(columns or {}).get(column, column) for column in TEXT_OR_TURNS]
    for place, row in with_turns(origins.rows(origin), names, lambda line: tqdm.write(printable(line))):
        conversation = None
        try:
            conversation = reader.conversation(row)
            used = True
            if conversation is None:
                drop("empty", f"{place}: it has no request or no answer")
        except RowError as error:
            if stops and error.reason not in _NEVER_STOP:
                hint = _GO_ON if used or error.reason != "no_schema" else ""
                raise UserError(f"{place}: {error}{hint}") from None
            first_error = first_error or f"{place}: {error}"
            drop(error.reason, f"{place}: {error}")
        except Exception as error:
            raise UserError(f"while reading {place}: {explained(error)}") from error
        yield place, conversation
    if first_error and not used:
        raise UserError(f"{name}: no row can be used; the first: {first_error}")


class _Reader:
    """Turns the rows of one data set into conversations.

    The first row that fits a schema says which; a row in which that schema's columns are empty may be of another.
    """

    def __init__(self, dataset: str, columns: dict[str, str] | None):
        self.dataset, self.columns = dataset, columns or {}
        self.schema: tuple[str, ...] | None = None

    def conversation(self, row: dict[str, Any] | RowError) -> Conversation | None:
        if isinstance(row, RowError):
            raise row
        own, row = row, self._renamed(row)
        if {"prompt", "completion"} & self.columns.keys() and "label" not in self.columns:
            row.pop("label", None)  # of a data set with other names, it may say something else
        if self.schema is None:
            self.schema = _schema(row, self.columns, own)
            used = {self.columns.get(name, name) for name in columns_read(self.schema, row)}
            if unused := [name for name in own if name not in used]:
                tqdm.write(printable(f"{self.dataset}: columns that are not used: {', '.join(unused)}"))
        found = SCHEMAS[self._schema_of(row)](row)
        system = next((said for name in SYSTEM if (said := text(optional(row, name), name))), "")
        if system and found and found[0]["role"] != "system":
            found = [{"role": "system", "content": system}, *found]
        conversation = _conversation(found)
        if conversation is None or not carries_instructions(row):
            return conversation
        return replace(conversation, types=followed_types(row, conversation.completion[-1]["content"]))

    def _schema_of(self, row: dict[str, Any]) -> tuple[str, ...]:
        """The schema of one row: the data set's, unless only another one's columns are filled."""
        if not _filled(row, self.schema, any):
            return next((needed for needed in SCHEMAS if _filled(row, needed, all)), self.schema)
        return self.schema

    def _renamed(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with its mapped columns renamed as a known schema expects.

        Of other columns with those names nothing is left. The first row must have all that are mapped, later rows those
        that the schema needs, unless they are of another schema.
        """
        needed = self.columns if self.schema is None else self.schema
        if self.schema and any(_filled(row, schema, all) for schema in SCHEMAS):
            needed = ()
        for name, own in self.columns.items():
            if name in needed and own not in row:
                problem = f"'data.columns' names {own!r}, but the columns of this row are {named(row)}"
                raise RowError("missing_column" if self.schema else "no_schema", problem)
        mapped = {*self.columns, *self.columns.values()}
        others = {name: value for name, value in row.items() if name not in mapped}
        return others | {name: row[own] for name, own in self.columns.items() if own in row}


def _conversation(found: list[Message]) -> Conversation | None:
    """Prompt and completion of a conversation; a last user turn without an answer is left out.

    Raises:
        RowError: no turn of the user stands before the last answer.
    """
    while found and found[-1]["role"] != "assistant":
        found = found[:-1]
    if len(found) < 2 or not all(turn["content"] for turn in found):
        return None
    if found[-2]["role"] != "user":
        raise RowError("no_request", f"the last answer follows a turn of the {found[-2]['role']}, not of the user")
    return Conversation(found[:-1], found[-1:])


def _filled(row: dict[str, Any], needed: tuple[str, ...], how: Callable) -> bool:
    return how(filled(row, column) for column in needed)


def _schema(row: dict[str, Any], mapped: dict[str, str], own: dict[str, Any]) -> tuple[str, ...]:
    """The schema of a data set by one of its rows: the first that fits and uses all mapped columns, filled ones first.

    Args:
        own: the row before its columns were renamed, for advice.
    """
    fitting = [needed for needed in SCHEMAS if all(column in row for column in needed)]
    using = [needed for needed in fitting if set(mapped) <= columns_of(needed)]
    if using:
        return next((needed for needed in using if _filled(row, needed, all)), using[0])
    if fitting:
        unused = ", ".join(name for name in mapped if name not in columns_of(fitting[0]))
        problem = f"'data.columns' maps {unused}, which the schema of this row, {' + '.join(fitting[0])}, does not use"
        raise RowError("no_schema", problem)
    known = "; ".join(" + ".join(columns) for columns in SCHEMAS)
    advice = f"'data.columns' can map other names to these{_advised(own)}"
    raise RowError("no_schema", f"no known schema has the columns {named(own)}; known are {known}; {advice}")


def _advised(row: dict[str, Any]) -> str:
    """A mapping of a schema's columns to the row's, as params.yaml has it, after a colon; or nothing."""
    names = {str(name).lower(): name for name in reversed(row)}
    request, answer = (next((names[name] for name in usual if name in names), None) for usual in USUAL)
    request = names.get("instruction", request)
    if request is None or answer is None:
        return ""
    others = (names[name] for name in _CONTEXT if name in names and names[name] != request)
    found = {"prompt": request, "completion": answer}
    if context := next(others, None):
        found = {"instruction": request, "input": context, "output": answer}
    return f": {{{', '.join(f'{column}: {own}' for column, own in found.items() if column != own)}}}"
