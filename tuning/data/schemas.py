"""Instruction data sets of any common schema, as prompt-completion conversations.

To add a schema, write a function from a row to a list of messages and name it in ``SCHEMAS``.
"""

from collections.abc import Callable
from typing import Any

from ifeval.parameters import is_padding, listed
from tuning.data.literal_json import list_in_text
from tuning.data.rows import RowError
from tuning.data.turn_columns import turns_in_text
from tuning.data.turns import text, text_or_turns, texts_or_turns, turns
from tuning.model.chat_template import Message


def alpaca(row: dict[str, Any]) -> list[Message]:
    """instruction, input, output: the input, if any, follows the instruction after a blank line.

    A column history holds earlier pairs of request and answer.
    """
    given = text(optional(row, "input"), "input")
    parts = (_text(row, "instruction"), "" if given.lower() in _NO_INPUT else given)
    request = "\n\n".join(part for part in parts if part)
    return [*_history(row), _user(request), _assistant(_text(row, "output"))]


def preference(row: dict[str, Any]) -> list[Message]:
    """prompt, chosen: the preferred conversation, which may repeat the request, or its bare text."""
    return _answered(_request(row), row, "chosen")


def prompt_completion(row: dict[str, Any]) -> list[Message]:
    """prompt, completion: texts, or lists of messages as TRL has them, in which the completion may repeat the prompt.

    A column label may say whether the completion is a good one, as in TRL's unpaired preferences.

    Raises:
        RowError: it says no, or the row is malformed.
    """
    if _label(row) is False:
        raise RowError(LABELLED_FALSE, "its label says that its completion is not to be learnt")
    return _answered(_request(row), row, "completion")


def prompt_response(row: dict[str, Any]) -> list[Message]:
    """prompt, response: the same."""
    return _answered(_request(row), row, "response")


def _answered(request: list[Message], row: dict[str, Any], column: str) -> list[Message]:
    """The request with the answer in a column: a text, a turn, or a conversation, which may repeat the request."""
    answer = text_or_turns(_value(row, column), column, "assistant")
    if not any(turn["role"] == "assistant" for turn in answer):
        raise RowError("missing_column", f"{column!r} holds no turn of the assistant")
    own, answer = _parted(answer)
    system, request = _parted(request)
    system = own or system
    repeated = next((count for count in range(len(answer), 0, -1) if _same(answer[:count], request[-count:])), 0)
    if repeated or answer[0]["role"] == "assistant":
        return [*system, *request, *answer[repeated:]]
    if sum(turn["role"] == "user" for turn in answer) > 1:  # a conversation of its own
        return [*system, *answer]
    return [*system, *request, *[turn for turn in answer if turn["role"] == "assistant"][-1:]]


def _label(row: dict[str, Any]) -> bool | None:
    """What the column label says of the completion; None where it is something else, such as a class."""
    value = optional(row, "label")
    said = str(value).strip().lower() if isinstance(value, (bool, str)) else None
    return {"true": True, "false": False}.get(said)


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
        requests = [name for name in row if str(name).lower() in USUAL[0]]
        advice = "divide such texts into lists of messages first"
        if requests:
            advice = f"name the column of requests in 'data.columns': {{prompt: {requests[0]}}}"
        raise RowError("no_schema", f"'chosen' is text and no list of messages, and there is no 'prompt': {advice}")
    return turns(chosen, "chosen")


def messages(row: dict[str, Any]) -> list[Message]:
    """messages: a list of role and content; where it ends with the user, another column may hold the answer."""
    return _with_answer(turns(_value(row, "messages"), "messages"), row)


def conversations(row: dict[str, Any]) -> list[Message]:
    """conversations: the same of from and value, or, as in LIMA, bare texts, the user's first."""
    return _with_answer(texts_or_turns(_value(row, "conversations"), "conversations"), row)


def _with_answer(found: list[Message], row: dict[str, Any]) -> list[Message]:
    column = next((name for name in ANSWERS if filled(row, name)), None)
    if column is None or not found or found[-1]["role"] != "user":
        return found
    return _answered(found, row, column)


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
USUAL = (
    ("question", "query", "prompt", "instruction", "request", "problem", "user", "human", "input"),
    ("answer", "response", "output", "completion", "reply", "solution", "assistant", "target"),
)
_NO_INPUT = ("<noinput>", "noinput", "<no input>", "no input")  # how some rows of Alpaca's kind say so
SYSTEM = ("system", "system_prompt")  # columns that any schema may have
INSTRUCTIONS = ("instruction_id_list", "kwargs")  # likewise: verifiable instructions, as google/IFEval names them
ANSWERS = ("completion", "response", "chosen")
TEXT_OR_TURNS = ("prompt", *ANSWERS)
LABELLED_FALSE = "labelled_false"
OPTIONAL = {
    alpaca: ("input", "history"),
    **dict.fromkeys((messages, conversations), ANSWERS),
    **dict.fromkeys((preference, prompt_response), ("history",)),
    prompt_completion: ("history", "label"),
}


def columns_of(schema: tuple[str, ...]) -> set[str]:
    """All columns that a schema reads."""
    return {*schema, *SYSTEM, *INSTRUCTIONS, *OPTIONAL.get(SCHEMAS[schema], ())}


def columns_read(schema: tuple[str, ...], row: dict[str, Any]) -> set[str]:
    """Those that it reads of a row: a label if it is true or false, answers beside turns that do not end with one."""
    found = columns_of(schema)
    found -= {"label"} if _label(row) is None else set()
    if SCHEMAS[schema] in (messages, conversations):
        own = SCHEMAS[schema]({name: row[name] for name in schema})
        found -= set() if own and own[-1]["role"] == "user" else set(ANSWERS)
    return found


def _history(row: dict[str, Any]) -> list[Message]:
    pairs = optional(row, "history") or []
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
        raise RowError("missing_column", f"the column {column!r} is missing; the row has {named(row)}")
    return row[column]


def optional(row: dict[str, Any], column: str) -> Any:
    """The value in a column that need not be there; None also for the NaN with which data frames fill it."""
    return None if is_padding(row.get(column)) else row[column]


def filled(row: dict[str, Any], column: str) -> bool:
    """Whether there is something in a column; blank text, as CSV files have it, is nothing."""
    value = optional(row, column)
    return value is not None and value != [] and not (isinstance(value, str) and not value.strip())


def named(row: dict[str, Any]) -> str:
    """The row's columns for a message, the first ones of many."""
    return listed(row, 20) or "none at all"


def _text(row: dict[str, Any], column: str) -> str:
    return text(_value(row, column), column)


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def _assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}
