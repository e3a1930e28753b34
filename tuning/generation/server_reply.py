"""What servers with the interface of OpenAI's chat completions send back, as far as it goes beside the interface.

Gateways answer 200 with an error in the body, or with a page; others send parts instead of a text, a stream that
nobody asked for, or no count of tokens.
"""

import json
from dataclasses import dataclass
from typing import Any

from tuning.core.redaction import redacted

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


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        text: of the answer, without what a server sends apart as reasoning.
        new_tokens: None where the server does not count them.
        finish_reason: as the server has it.
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
    value = _mapping(_streamed(body) if body.lstrip().startswith("data:") else _json(body, kind))
    choice = _first(value.get("choices"))
    if not choice:
        code = _mapping(value.get("error")).get("code")
        said = f"it answers without choices: {words(value)}"
        if code in (400, 413, 422):
            raise Refused(said)
        raise NoAnswer(said, again=code not in (401, 403, 404))
    message = _mapping(choice.get("message")) or {"content": choice.get("text")}  # of a conversation, of a bare prompt
    tokens = _mapping(value.get("usage")).get("completion_tokens")
    return Reply(
        redacted(_text(message.get("content"))),
        tokens if isinstance(tokens, int) else None,
        str(choice.get("finish_reason") or "stop"),
        bool(message.get("reasoning_content") or message.get("reasoning")),
    )


def words(value: Any) -> str:
    """What a reply's body says of an error, in the server's own words."""
    while isinstance(value, dict):
        value = value.get("error") or value.get("message") or value.get("detail") or json.dumps(value)
    text = " ".join(redacted(str(value)).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _json(body: str, kind: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        page = "html" in kind or body.lstrip()[:1] == "<"
        said = f"it answers with {kind or 'no content type'} instead of JSON: {words(body)!r}"
        raise NoAnswer(said, again=not page) from None


def _text(content: Any) -> str:
    """The text of a message, which may be in parts."""
    if isinstance(content, list):
        texts = (part.get("text") if isinstance(part, dict) else part for part in content)
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _streamed(body: str) -> dict[str, Any]:
    """Server-sent events, put together to the reply that they are the pieces of."""
    events = [line[5:].strip() for line in body.splitlines() if line.startswith("data:")]
    whole: dict[str, Any] = {}
    message, reason, begun = {"content": "", "reasoning_content": ""}, None, False
    for event in events:
        piece = {} if event in ("", "[DONE]") else _mapping(_json(event, "text/event-stream"))
        whole |= {key: piece[key] for key in ("usage", "error") if piece.get(key)}
        choice = _first(piece.get("choices"))
        begun = begun or bool(choice)
        for name in message:
            message[name] += _text(_mapping(choice.get("delta")).get(name))
        reason = choice.get("finish_reason") or reason
    return whole | ({"choices": [{"message": message, "finish_reason": reason}]} if begun else {})


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _first(values: Any) -> dict[str, Any]:
    """The first mapping of a list; an empty one where there is none."""
    return _mapping(values[0]) if isinstance(values, list) and values else {}
