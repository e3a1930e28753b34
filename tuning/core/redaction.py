"""Tokens and keys of the environment, taken out of whatever is printed or written."""

import os

VARIABLES = ("OPENAI_API_KEY", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
SHORTEST = 8  # what is shorter, such as EMPTY or none for a server without keys, is no secret but a word


def redacted(text: str) -> str:
    """The text with the name of the variable, such as ``<OPENAI_API_KEY>``, in the place of each secret."""
    for name in VARIABLES:
        secret = os.environ.get(name, "").strip()
        if len(secret) >= SHORTEST:
            text = text.replace(secret, f"<{name}>")
    return text


def redacted_bytes(content: bytes) -> bytes:
    """The same for what is written to a file in UTF-8."""
    for name in VARIABLES:
        secret = os.environ.get(name, "").strip().encode("utf-8", "surrogateescape")
        if len(secret) >= SHORTEST:
            content = content.replace(secret, f"<{name}>".encode())
    return content
