"""Tokens, keys and passwords of the environment, taken out of whatever is printed or written."""

import functools
import html
import json
import os
import re
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

VARIABLES = ("OPENAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
SHORTEST = 8  # what is shorter, such as EMPTY or none for a server without keys, is no secret but a word
_STAND_INS = ("anything", "placeholder", "required", "something", "whatever", "not-needed", "not-required")  # likewise
SHORTEST_ELSEWHERE = 16  # of a variable that only its name makes known, such as AWS_SECRET_ACCESS_KEY
_NAMES = re.compile(r"(^|_)(TOKEN|KEY|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.IGNORECASE)
_LIKE_A_SECRET = re.compile(r"hf_\S+|(?=.*[0-9])(?=.*[A-Za-z])\S+")  # the Hub's tokens may be letters alone
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@:\"'<>]*:[^\s/@\"'<>]+(?=@)")


def redacted(text: str) -> str:
    """The text with the name of the variable, such as ``<OPENAI_API_KEY>``, in the place of each secret.

    A name and password in an address give way too, as a proxy or a mirror of the Hub may have them.
    """
    return _IN_ADDRESS.sub("<name and password>", without_secrets(text))


def without_secrets(text: str) -> str:
    """The same for a text that is data, such as an answer: addresses stay as they are."""
    for secret, name in _secrets():
        text = text.replace(secret, f"<{name}>")
    return text


def redacted_bytes(content: bytes) -> bytes:
    """The same as ``without_secrets`` for what is written to a file in UTF-8."""
    for secret, name in _secrets():
        content = content.replace(secret.encode("utf-8", "surrogateescape"), f"<{name}>".encode())
    return content


def redact_stream(stream: TextIO) -> None:
    """Makes whatever is written to the stream from now on pass ``redacted``, also what libraries write."""
    if getattr(stream, "passes_no_secrets", False):
        return
    write = stream.write

    def write_redacted(text: str) -> int:
        write(redacted(text))
        return len(text)

    stream.write, stream.passes_no_secrets = write_redacted, True


def _secrets() -> list[tuple[str, str]]:
    """Each secret in the ways in which texts hold it, longest first, with its name."""
    found = {name: os.environ.get(name, "").strip() for name in VARIABLES}
    found = {name: each for name, each in found.items() if len(each) >= SHORTEST and each.lower() not in _STAND_INS}
    for name, value in os.environ.items():
        if name not in VARIABLES and _NAMES.search(name) and _is_secret(value.strip()):
            found[name] = value.strip()
    if stored := _stored_token(os.environ.get("HF_TOKEN_PATH"), os.environ.get("HF_HOME")):
        found.setdefault("token of hf auth", stored)
    forms = {form: name for name, value in reversed(found.items()) for form in _forms(value)}
    return sorted(forms.items(), key=lambda item: -len(item[0]))


def _is_secret(value: str) -> bool:
    """Whether a variable's value looks like a secret, and not like a word or the path of a file."""
    return (
        len(value) >= SHORTEST_ELSEWHERE and _LIKE_A_SECRET.fullmatch(value) is not None and not os.path.exists(value)
    )


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as JSON, HTML and addresses write it."""
    plain = {secret, *(json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))}
    return plain | {html.escape(form) for form in plain} | {quote(secret, safe="", errors="surrogateescape")}


@functools.cache
def _stored_token(path: str | None, home: str | None) -> str:
    """The token that ``hf auth login`` has left; empty where there is none, or none that can be read."""
    folder = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface"
    try:
        token = (Path(path) if path else folder / "token").read_text(encoding="utf-8").strip()
    except (OSError, ValueError, RuntimeError):
        return ""
    return token if len(token) >= SHORTEST else ""
