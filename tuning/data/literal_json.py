"""JSON in which numbers, true and false keep the characters of the file.

An answer ``007`` or ``1.50`` is text. Read as a number and written again it would be ``7`` or ``1.5``.
"""

import ast
import json
from typing import Any


class Literal(str):
    """The characters of a JSON number, of ``true`` or of ``false``."""


BLANK = ("", "null", "None", "NaN", "nan")  # cells of a CSV file in whose place a list may stand
_BOOLEANS = {True: Literal("true"), False: Literal("false")}


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: _BOOLEANS[value] if value is True or value is False else value for name, value in pairs}


# NaN and Infinity, which are not JSON but often written, become floats: they have no meaning as text.
LITERAL = json.JSONDecoder(parse_int=Literal, parse_float=Literal, parse_constant=float, object_pairs_hook=_object)
PLAIN = json.JSONDecoder()


def read(value: Any) -> Any:
    """The number, or true or false, that characters of a file stand for; any other value as it is."""
    return json.loads(value) if isinstance(value, Literal) else value


def list_in_text(text: str, decoder: json.JSONDecoder = LITERAL) -> list[Any] | None:
    """The list that a text holds as JSON, or as Python writes it; None where it holds none.

    Cells of a CSV file hold lists in these ways.
    """
    text = text.strip()
    if not text.startswith("["):
        return None
    try:
        value = decoder.decode(text)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, list) else None
