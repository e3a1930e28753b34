"""Texts and turns of a conversation, from the values of a row. Nothing but text becomes text."""

from typing import Any

from ifeval.parameters import is_padding
from tuning.data.literal_json import list_in_text
from tuning.data.rows import RowError
from tuning.model.chat_template import Message, well_formed

_NAMES = {
    "user": ("user", "human", "prompter", "person"),
    "assistant": ("assistant", "gpt", "model", "bot", "chatbot", "chatgpt", "ai", "llm", "bing", "bard", "claude"),
    "system": ("system", "developer"),
}
_ROLES = {name: role for role, names in _NAMES.items() for name in names}
# Turns that call a tool, or give what it has answered: the templates of models show them in many ways.
_TOOL_ROLES = {"tool", "tools", "tool_call", "tool_response", "tool_result", "function", "function_call"} | {
    "function_response",
    "function_result",
    "ipython",
    "observation",
    "environment",
}
TOOL_TURNS = "tool_turns"


def text(value: Any, name: str) -> str:
    """A value as text, without white space around it.

    Text, the characters of a JSON number or boolean, and the digits of a whole number of a typed column are text, and
    so are parts of text, joined. Null is empty.

    Args:
        name: the column's or key's, for the message.

    Raises:
        RowError: the value is anything else.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return well_formed(value).strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and all(isinstance(part, dict) and "type" in part for part in value):
        return "".join(_part(part, name) for part in value).strip()
    raise RowError("not_text", f"{name!r} must hold text, not {_kind(value)}")


def _part(part: dict[str, Any], name: str) -> str:
    if part["type"] not in ("text", "input_text", "output_text") or not isinstance(part.get("text"), str):
        raise RowError("not_text", f"{name!r} has a part of the type {part['type']!r} that is not text")
    return well_formed(part["text"])


def _kind(value: Any) -> str:
    return str(value) if isinstance(value, float) and value != value else type(value).__name__


def turns(value: Any, name: str) -> list[Message]:
    """The turns in a list of objects with role and content, or from and value; the list may stand as JSON text.

    An empty turn of the system is left out.

    Raises:
        RowError: it is no such list, or has turns of tools.
    """
    if isinstance(value, str):
        value = _listed(value, name)
    if isinstance(value, dict) and value and all(isinstance(each, list) for each in value.values()):
        value = [dict(zip(value, cells, strict=False)) for cells in zip(*value.values(), strict=False)]
    if value is None:
        return []
    if not isinstance(value, list):
        raise RowError("not_text", f"{name!r} must hold a list of turns, not {_kind(value)}")
    found = [_turn(each, name) for each in value]
    return [turn for turn in found if turn["content"] or turn["role"] != "system"]


def texts_or_turns(value: Any, name: str) -> list[Message]:
    """The same, or bare texts, the user's first."""
    value = _listed(value, name) if isinstance(value, str) else value
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return [{"role": ("user", "assistant")[i % 2], "content": text(each, name)} for i, each in enumerate(value)]
    return turns(value, name)


def text_or_turns(value: Any, name: str, role: str) -> list[Message]:
    """The turns in a list of them, or a single turn; or one turn of the role, of a text."""
    if isinstance(value, dict) and {"role", "from"} & set(value):
        value = [value]
    named = isinstance(value, list) and all(isinstance(each, dict) and {"role", "from"} & set(each) for each in value)
    if value and named:
        return turns(value, name)
    return [{"role": role, "content": text(value, name)}]


def _listed(value: str, name: str) -> list[Any] | None:
    if not value.strip() or value.strip() == "null":
        return None
    found = list_in_text(value)
    if found is None:
        raise RowError("not_text", f"{name!r} must hold a list of turns, and its text is not JSON of one")
    return found


def _turn(turn: Any, name: str) -> Message:
    if not isinstance(turn, dict):
        raise RowError("not_text", f"{name!r} must hold objects with role and content, not {_kind(turn)}")
    turn = {key: None if is_padding(each) else each for key, each in turn.items()}
    role = turn.get("role") or turn.get("from")
    given = [key for key in ("content", "value", "text") if key in turn]
    content = next((key for key in given if turn[key] is not None), given[0] if given else None)
    known = role.strip().lower() if isinstance(role, str) else None
    if known in _TOOL_ROLES or turn.get("tool_calls") or turn.get("function_call"):
        raise RowError(TOOL_TURNS, "it has turns of tools")
    if known not in _ROLES:
        raise RowError("unknown_role", f"a turn has the role {role!r}; known are {', '.join(_ROLES)}")
    if content is None:
        raise RowError("missing_column", f"a turn in {name!r} has no content")
    return {"role": _ROLES[known], "content": text(turn[content], content)}
