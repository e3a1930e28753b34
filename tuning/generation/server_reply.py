"""What servers with the interface of OpenAI's chat completions send back, as far as it goes beside the interface.

Gateways answer 200 with an error in the body, or with a page; others send parts instead of a text, a stream that
nobody asked for, or no count of tokens.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from tuning.core.redaction import redacted, without_secrets
from tuning.model.chat_template import well_formed

_EVENT = re.compile(r"data:|event:|id:|retry:|:")  # how server-sent events, or comments between them, begin
# Finish reasons of an answer that is cut at the limit, and of one that breaks off, in the words of servers.
_CUT = ("length", "max_tokens", "max_new_tokens", "max_output_tokens", "model_length")
_BROKEN = ("error", "abort", "aborted")
_REASONING = ("reasoning_content", "reasoning", "thinking")  # servers' names for thoughts beside a text
_SHOWN = 300  # characters of what a server says


class NoAnswer(Exception):
    """A reply without an answer; the message is what the server says.

    Args:
        again: whether it may answer if it is asked again.
    """

    def __init__(self, said: str, again: bool):
        super().__init__(said)
        self.again = again


class Refused(Exception):
    """A reply that refuses this one request; the message is what the server says."""


class Failed(Exception):
    """No answer to this one request, though it was asked again; the message says what came instead."""


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        text: of the answer, without what a server sends apart as reasoning.
        new_tokens: None where the server does not count them.
        finish_reason: as the server has it; ``length`` where it is cut at the limit of new tokens.
        reasoning: whether there is text that was sent apart as reasoning.
    """

    text: str
    new_tokens: int | None
    finish_reason: str
    reasoning: bool


def parse(body: str, kind: str) -> Reply:
    """The answer in a reply with status 200.

    Args:
        kind: the reply's content type.

    Raises:
        NoAnswer: there is none in it.
        Refused: it says that this request will never be answered.
    """
    body = body.lstrip("\ufeff \t\r\n")
    if not body:
        raise NoAnswer("it answers with nothing", again=True)
    found = _streamed(body) if _EVENT.match(body) else _of_lines(body) or _json(body, kind)
    value = _mapping(found)
    choice = _first(value.get("choices"))
    if not choice:
        raise _failure("it answers without choices", found)
    if wrong := value.get("error") or choice.get("error"):
        raise _failure("it breaks off its answer", {"error": wrong})
    reason = str(choice.get("finish_reason") or "stop").lower()
    if reason in _BROKEN:
        raise NoAnswer(f"it breaks off its answer (finish reason {reason})", again=True)
    message = _message(choice)
    tokens = _mapping(value.get("usage")).get("completion_tokens")
    return Reply(
        without_secrets(well_formed(_text(message.get("content")) or _text(message.get("refusal")))),
        tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else None,
        "length" if reason in _CUT else reason,
        any(message.get(name) for name in _REASONING) or any(map(_is_thought, _parts(message.get("content")))),
    )


def _message(choice: dict[str, Any]) -> dict[str, Any]:
    """What was said: of a conversation, of a bare prompt, or in the piece of a stream that was put together."""
    found = choice.get("message") or choice.get("delta") or choice.get("text")
    return found if isinstance(found, dict) else {"content": found}


def words(value: Any) -> str:
    """What a reply's body says of an error, in the server's own words."""
    while isinstance(value, dict) or (isinstance(value, list) and len(value) == 1):
        if isinstance(value, list):
            value = value[0]
        else:
            value = value.get("error") or value.get("message") or value.get("detail") or json.dumps(value)
    text = " ".join(redacted(str(value)).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _failure(said: str, value: Any) -> NoAnswer | Refused:
    """What an error in the body of a reply means: gateways put there the status that they were given."""
    error = _mapping(_first(value) if isinstance(value, list) else value)
    error = _mapping(error.get("error")) or error
    code = str(error.get("code") or error.get("status") or "")
    said = f"{said}: {words(value)}"
    if code in ("400", "413", "422") or error.get("type") == "invalid_request_error":
        return Refused(said)
    return NoAnswer(said, again=code not in ("401", "403", "404"))


def _json(body: str, kind: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        page = "html" in kind or body.lstrip()[:1] == "<"
        said = f"it answers with {kind or 'no content type'} instead of JSON: {words(body)!r}"
        raise NoAnswer(said, again=not page) from None


def _text(content: Any) -> str:
    """The text of a message, which may be in parts.

    Raises:
        NoAnswer: it is a number or a boolean.
    """
    if isinstance(content, dict):
        return _part(content)
    if isinstance(content, list):
        texts = (_part(part) if isinstance(part, dict) else part for part in content)
        return "".join(text for text in texts if isinstance(text, str))
    if content is None or isinstance(content, str):
        return content or ""
    raise NoAnswer(f"it answers with something that is no text: {words(content)}", again=True)


def _part(part: dict[str, Any]) -> str:
    """The text of a part; of thoughts there is none."""
    text = None if _is_thought(part) else part.get("text")
    if isinstance(text, dict):
        text = text.get("value")
    return text if isinstance(text, str) else ""


def _parts(content: Any) -> list[dict[str, Any]]:
    """The parts of a message that is in parts."""
    found = content if isinstance(content, list) else [content]
    return [part for part in found if isinstance(part, dict)]


def _is_thought(part: dict[str, Any]) -> bool:
    kind = str(part.get("type"))
    return "think" in kind or "reason" in kind


def _of_lines(body: str) -> dict[str, Any] | None:
    """The reply in a stream that is one JSON object a line; None where it is none."""
    lines = [line for line in re.split("\r\n?|\n", body) if line.strip()]
    if len(lines) < 2 or not all(line.startswith("{") and line.rstrip().endswith("}") for line in lines):
        return None
    return _joined(lines)


def _streamed(body: str) -> dict[str, Any]:
    """The reply in a stream of server-sent events."""
    return _joined([line[5:].strip() for line in re.split("\r\n?|\n", body) if line.startswith("data:")])


def _joined(events: list[str]) -> dict[str, Any]:
    """The reply that events are the pieces of.

    Raises:
        NoAnswer: the stream ends before the answer does.
    """
    whole: dict[str, Any] = {}
    message, reason, begun = {"content": "", "reasoning_content": ""}, None, False
    for event in events:
        piece = {} if event in ("", "[DONE]") else _mapping(_json(event, "text/event-stream"))
        whole |= {key: piece[key] for key in ("usage", "error") if piece.get(key)}
        choice = _first(piece.get("choices"))
        begun = begun or bool(choice)
        for name in message:
            message[name] += _text(_mapping(choice.get("delta")).get(name))
        message["content"] += _text(choice.get("text"))  # of a bare prompt
        reason = choice.get("finish_reason") or reason
    if begun and not reason and "[DONE]" not in events and "error" not in whole:
        raise NoAnswer("its stream ends before the answer does", again=True)
    return whole | ({"choices": [{"message": message, "finish_reason": reason}]} if begun else {})


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(values: Any) -> dict[str, Any]:
    """The first mapping of a list; an empty one where there is none."""
    return _mapping(values[0]) if isinstance(values, list) and values else {}
