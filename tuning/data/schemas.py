"""Instruction data sets of any common schema, as prompt-completion conversations.

To add a schema, write a function from a row to a list of messages and name it in ``SCHEMAS``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tqdm import tqdm

from ifeval.parameters import is_padding
from tuning.core.errors import UserError, explained
from tuning.core.terminal import printable
from tuning.data import origins
from tuning.data.literal_json import list_in_text
from tuning.data.origins import Origin
from tuning.data.own_instructions import carries_instructions, followed_types
from tuning.data.rows import RowError
from tuning.data.turn_columns import turns_in_text, with_turns
from tuning.data.turns import TOOL_TURNS, text, text_or_turns, texts_or_turns, turns
from tuning.model.chat_template import Message


def alpaca(row: dict[str, Any]) -> list[Message]:
    """instruction, input, output: the input, if any, follows the instruction after a blank line.

    A column history holds earlier pairs of request and answer.
    """
    parts = (_text(row, "instruction"), text(_optional(row, "input"), "input"))
    request = "\n\n".join(part for part in parts if part)
    return [*_history(row), _user(request), _assistant(_text(row, "output"))]


def preference(row: dict[str, Any]) -> list[Message]:
    """prompt, chosen: the preferred conversation, or its bare text, after the request, which it may repeat."""
    chosen = text_or_turns(_value(row, "chosen"), "chosen", "assistant")
    if not any(turn["role"] == "assistant" for turn in chosen):
        raise RowError("missing_column", "'chosen' holds no turn of the assistant")
    own, chosen = _parted(chosen)
    system, request = _parted(_request(row))
    system = own or system
    repeated = next((count for count in range(len(chosen), 0, -1) if _same(chosen[:count], request[-count:])), 0)
    if repeated or chosen[0]["role"] == "assistant":
        return [*system, *request, *chosen[repeated:]]
    if sum(turn["role"] == "user" for turn in chosen) > 1:  # a conversation of its own
        return [*system, *chosen]
    return [*system, *request, *[turn for turn in chosen if turn["role"] == "assistant"][-1:]]


def _parted(found: list[Message]) -> tuple[list[Message], list[Message]]:
    """A system turn at the beginning, and the other turns."""
    begins = bool(found) and found[0]["role"] == "system"
    return found[:begins], found[begins:]


def _same(some: list[Message], others: list[Message]) -> bool:
    """Whether turns say the same, but for white space around it."""
    one, other = ([(turn["role"], turn["content"].strip()) for turn in turns] for turns in (some, others))
    return one == other


def preferred(row: dict[str, Any]) -> list[Message]:
    """chosen, rejected, without a prompt: whole conversations, of which the preferred one is used."""
    chosen = _value(row, "chosen")
    if isinstance(chosen, str) and turns_in_text(chosen) is None:
        advice = "name the column of requests in 'data.columns', such as {prompt: question}"
        raise RowError("no_schema", f"'chosen' is text and no conversation, and there is no 'prompt': {advice}")
    return turns(chosen, "chosen")


def prompt_completion(row: dict[str, Any]) -> list[Message]:
    """prompt, completion: texts, or lists of messages as TRL has them."""
    return [*_request(row), *text_or_turns(_value(row, "completion"), "completion", "assistant")]


def prompt_response(row: dict[str, Any]) -> list[Message]:
    """prompt, response."""
    return [*_request(row), *text_or_turns(_value(row, "response"), "response", "assistant")]


def messages(row: dict[str, Any]) -> list[Message]:
    """messages: a list of role and content."""
    return turns(_value(row, "messages"), "messages")


def conversations(row: dict[str, Any]) -> list[Message]:
    """conversations: a list of from and value, or, as in LIMA, of bare texts, the user's first."""
    return texts_or_turns(_value(row, "conversations"), "conversations")


# Recognised by their columns, the first that fits.
SCHEMAS: dict[tuple[str, ...], Callable[[dict[str, Any]], list[Message]]] = {
    ("messages",): messages,
    ("conversations",): conversations,
    ("prompt", "completion"): prompt_completion,
    ("prompt", "response"): prompt_response,
    ("prompt", "chosen"): preference,
    ("instruction", "output"): alpaca,
    ("chosen", "rejected"): preferred,
}
# Names of columns in which data sets often have requests and answers, for advice.
_USUAL = (
    ("question", "query", "prompt", "instruction", "request", "problem", "user", "human", "input"),
    ("answer", "response", "output", "completion", "reply", "solution", "assistant", "target"),
)
_CONTEXT = ("context", "input", "passage", "background")  # what the Alpaca schema calls input
_GO_ON = "; 'data.on_error: drop' goes on without such rows"
SYSTEM = ("system", "system_prompt")  # columns that any schema may have
INSTRUCTIONS = ("instruction_id_list", "kwargs")  # likewise: verifiable instructions, as google/IFEval names them
TEXT_OR_TURNS = ("prompt", "completion", "response", "chosen")
_OPTIONAL = {
    alpaca: ("input", "history"),
    **dict.fromkeys((preference, prompt_completion, prompt_response), ("history",)),
}


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
        stops: whether a malformed row raises; else it is dropped. Empty rows and rows with turns of tools are always
            dropped.
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
            if stops and error.reason != TOOL_TURNS:
                raise UserError(f"{place}: {error}{_GO_ON}") from None
            first_error = first_error or f"{place}: {error}"
            drop(error.reason, f"{place}: {error}")
        except Exception as error:
            raise UserError(f"while reading {place}: {explained(error)}") from error
        yield place, conversation
    if first_error and not used:
        raise UserError(f"{name}: no row can be used; the first: {first_error}")


class _Reader:
    """Turns the rows of one data set into conversations; the first that fits a schema says which."""

    def __init__(self, dataset: str, columns: dict[str, str] | None):
        self.dataset, self.columns = dataset, columns
        self.convert: Callable[[dict[str, Any]], list[Message]] | None = None

    def conversation(self, row: dict[str, Any] | RowError) -> Conversation | None:
        if isinstance(row, RowError):
            raise row
        if self.columns:
            row = _renamed(row, self.columns)
        if self.convert is None:
            needed, self.convert = _schema(row)
            used = {*needed, *SYSTEM, *INSTRUCTIONS, *_OPTIONAL.get(self.convert, ())}
            if unused := [name for name in row if name not in used]:
                tqdm.write(printable(f"{self.dataset}: columns that are not used: {', '.join(unused)}"))
        found = self.convert(row)
        system = next((said for name in SYSTEM if (said := text(_optional(row, name), name))), "")
        if system and found and found[0]["role"] != "system":
            found = [{"role": "system", "content": system}, *found]
        conversation = _conversation(found)
        if conversation is None or not carries_instructions(row):
            return conversation
        return replace(conversation, types=followed_types(row, conversation.completion[-1]["content"]))


def _conversation(found: list[Message]) -> Conversation | None:
    """Prompt and completion of a conversation; a last user turn without an answer is left out."""
    while found and found[-1]["role"] != "assistant":
        found = found[:-1]
    if len(found) < 2 or not all(turn["content"] for turn in found) or found[-2]["role"] != "user":
        return None
    return Conversation(found[:-1], found[-1:])


def _schema(row: dict[str, Any]) -> tuple[tuple[str, ...], Callable[[dict[str, Any]], list[Message]]]:
    for columns, convert in SCHEMAS.items():
        if all(column in row for column in columns):
            return columns, convert
    known = "; ".join(" + ".join(columns) for columns in SCHEMAS)
    advice = f"'data.columns' can map other names to these{_advised(row)}"
    raise RowError("no_schema", f"no known schema has the columns {_names(row)}; known are {known}; {advice}")


def _advised(row: dict[str, Any]) -> str:
    """A mapping of a schema's columns to the row's, as params.yaml has it, after a colon; or nothing."""
    names = {str(name).lower(): name for name in reversed(row)}
    request, answer = (next((names[name] for name in usual if name in names), None) for usual in _USUAL)
    request = names.get("instruction", request)
    if request is None or answer is None:
        return ""
    others = (names[name] for name in _CONTEXT if name in names and names[name] != request)
    found = {"prompt": request, "completion": answer}
    if context := next(others, None):
        found = {"instruction": request, "input": context, "output": answer}
    return f": {{{', '.join(f'{column}: {own}' for column, own in found.items() if column != own)}}}"


def _renamed(row: dict[str, Any], columns: dict[str, str]) -> dict[str, Any]:
    """The row with its mapped columns renamed as a known schema expects; of others with those names nothing is left."""
    for own in columns.values():
        if own not in row:
            problem = f"'data.columns' names {own!r}, but the columns are {', '.join(row)}"
            raise RowError("missing_column", problem)
    others = {name: value for name, value in row.items() if name not in columns.values()}
    return others | {name: row[own] for name, own in columns.items()}


def _history(row: dict[str, Any]) -> list[Message]:
    pairs = _optional(row, "history") or []
    if isinstance(pairs, str):  # as a CSV file holds it
        pairs = list_in_text(pairs) if pairs.strip() else []
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise RowError("not_text", "'history' must hold pairs of request and answer")
    found = [(_user(text(said, "history")), _assistant(text(reply, "history"))) for said, reply in pairs]
    return [turn for pair in found for turn in pair]


def _request(row: dict[str, Any]) -> list[Message]:
    return [*_history(row), *text_or_turns(_value(row, "prompt"), "prompt", "user")]


def _value(row: dict[str, Any], column: str) -> Any:
    if column not in row:
        raise RowError("missing_column", f"the column {column!r} is missing; the row has {_names(row)}")
    return row[column]


def _optional(row: dict[str, Any], column: str) -> Any:
    """The value in a column that need not be there; None also for the NaN with which data frames fill it."""
    return None if is_padding(row.get(column)) else row[column]


def _names(row: dict[str, Any]) -> str:
    return ", ".join(row) or "none at all"


def _text(row: dict[str, Any], column: str) -> str:
    return text(_value(row, column), column)


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def _assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}
