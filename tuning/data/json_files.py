"""Rows of JSON files: one object a line, an array of objects, or one object with the rows inside."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tuning.core.errors import UserError
from tuning.data.literal_json import Literal
from tuning.data.rows import RowError

Found = Iterator[tuple[str, dict[str, Any] | RowError]]
_SPACE = re.compile(r"[ \t\r\n]*")
_MARK = "\ufeff"  # at the beginning of files that were put together to one
_NOT_JSON = (ValueError, RecursionError)
_COLUMNS = {"messages", "conversations", "prompt", "instruction"}  # an object that has one is a row
_SAID = {"content", "value", "text", "tool_calls", "function_call"}  # what an object has that is a turn
# Types of the objects that a list of parts of a message, or of tools beside messages, has.
_PARTS = ("text", "input_text", "output_text", "refusal", "thinking", "reasoning", "file", "input_file", "document")
_PARTS += ("image", "image_url", "input_image", "audio", "audio_url", "input_audio", "video", "video_url")
_PARTS += ("tool_use", "tool_result", "tool_call", "tool_response", "function")


def rows(name: str, data: bytes, decoder: json.JSONDecoder, is_lines: bool) -> Found:
    """Each row with its place; an error takes the place of a row that cannot be read.

    Args:
        name: the file's, for places and messages.
        data: its content in UTF-8.
        is_lines: whether the file's name says that each line is a row.

    Raises:
        UserError: the file as a whole cannot be read.
    """
    start = data.lstrip()[:1]
    first, _, others = data.lstrip().partition(b"\n")
    try:
        only = decoder.decode(_without_comma(first.decode())) if is_lines or start != b"[" else None
    except _NOT_JSON:
        only = None
    if start == b"[" and not _is_turns(only):
        yield from _array(name, decoded(name, data), decoder)
    elif only is not None and others.strip():
        yield from _lines(name, data, decoder)
    elif isinstance(only, dict):
        yield from _unfolded(name, only)
    elif start == b"{":
        yield from _objects(name, data, decoder, is_lines)
    else:
        yield from _lines(name, data, decoder)


def decoded(name: str, data: bytes) -> str:
    """The text of a whole file in UTF-8.

    Raises:
        UserError: it is none; the message names the line.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name}, line {line}: not UTF-8 ({error.reason}): save the file as UTF-8") from None


def _lines(name: str, data: bytes, decoder: json.JSONDecoder) -> Found:
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            yield f"{name}, line {number}", _line(line, decoder)


def _line(line: bytes, decoder: json.JSONDecoder) -> dict[str, Any] | RowError:
    try:
        return _row(decoder.decode(_without_comma(line.decode().strip().lstrip(_MARK))))
    except UnicodeDecodeError as error:
        return RowError("not_utf8", f"not UTF-8 ({error.reason})")
    except _NOT_JSON as error:
        return RowError("not_json", f"not JSON ({error})")


def _without_comma(line: str) -> str:
    """The line without a comma at its end, as lines cut out of an array have it."""
    line = line.strip()
    return line[:-1] if line.endswith(("},", "],")) else line


def _row(value: Any) -> dict[str, Any] | RowError:
    if isinstance(value, dict):
        return value
    if _is_turns(value):
        return {"messages": value}
    kind = "a number" if isinstance(value, Literal) else type(value).__name__
    return RowError("not_json", f"a JSON object is expected, not {kind}")


def _array(name: str, text: str, decoder: json.JSONDecoder) -> Found:
    index, line, number = text.index("[") + 1, 1, 0
    counted = 0
    while True:
        index = _SPACE.match(text, index).end()
        if text.startswith("]", index):  # also after a last comma
            break
        line, counted, number = line + text.count("\n", counted, index), index, number + 1
        value, index = _value(name, text, index, decoder)
        yield f"{name}, row {number} (line {line})", _row(value)
        index = _SPACE.match(text, index).end()
        if text.startswith("]", index):
            break
        if not text.startswith(",", index):
            raise _broken(name, text, index, "a comma or ] is expected")
        index += 1
    end = _SPACE.match(text, index + 1).end()
    if end < len(text):
        raise _broken(name, text, end, "nothing is expected after the array")


def _objects(name: str, data: bytes, decoder: json.JSONDecoder, is_lines: bool) -> Found:
    """Objects of several lines each; or, where that is not so and some line is an object, lines with broken ones."""
    if is_lines:
        try:
            found = list(_objects(name, data, decoder, is_lines=False))
        except UserError:
            found = list(_lines(name, data, decoder))
            if len(found) > 1 and not any(isinstance(row, dict) for _, row in found):
                raise
        yield from found
        return
    text = decoded(name, data)
    value, index = _value(name, text, _SPACE.match(text).end(), decoder)
    if not text[index:].strip():
        yield from _unfolded(name, value)
        return
    start = _SPACE.match(text).end()
    while True:
        yield f"{name}, line {text.count(chr(10), 0, start) + 1}", _row(value)
        start = _SPACE.match(text, index).end()
        if start == len(text):
            return
        value, index = _value(name, text, start, decoder)


def _value(name: str, text: str, index: int, decoder: json.JSONDecoder) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, index)
    except json.JSONDecodeError as error:
        raise _broken(name, text, error.pos, error.msg) from None
    except RecursionError:
        raise _broken(name, text, index, "nested too deeply") from None


def _broken(name: str, text: str, index: int, problem: str) -> UserError:
    line = text.count("\n", 0, index) + 1
    return UserError(f"{name}, line {line}: not JSON ({problem}, column {index - text.rfind(chr(10), 0, index)})")


def _unfolded(name: str, value: dict[str, Any]) -> Found:
    inside = rows_in(value)
    if inside is None:
        yield f"{name}, line 1", value
    else:
        yield from ((f"{name}, row {number}", _row(row)) for number, row in enumerate(inside, start=1))


def rows_in(value: dict[str, Any]) -> list[Any] | None:
    """The rows that a file's only object holds; None where it is a row itself.

    They are its only list of objects (or the one named ``train``), or stand as columns, one list or object for each,
    as pandas writes them.
    """
    if _all(value.get("columns"), str) and _all(value.get("data"), list):
        return [dict(zip(value["columns"], row, strict=False)) for row in value["data"]]
    if _is_row(value):
        return None
    tables = {name: each for name, each in value.items() if _all(each, dict)}
    if len(tables) == 1 or "train" in tables:
        return tables.get("train") or next(iter(tables.values()))
    columns = list(value.values())
    inside = [each for each in columns if isinstance(each, (dict, list))]
    if len(inside) == 1 and isinstance(inside[0], dict) and (nested := rows_in(inside[0])) is not None:
        return nested
    if _all(columns, list) and len({len(each) for each in columns}) == 1 and columns[0] and not _is_texts(columns):
        return [dict(zip(value, cells, strict=True)) for cells in zip(*columns, strict=True)]
    if _all(columns, dict) and len({tuple(each) for each in columns}) == 1:
        if all(name.isdecimal() for name in value):  # rows by number
            return columns
        return [{name: each[key] for name, each in value.items()} for key in columns[0]]
    return None


def _is_row(value: dict[str, Any]) -> bool:
    lists = any(_all(each, dict) and _is_turns_or_parts(each) for each in value.values())
    turns = any(_is_turns([each]) for each in value.values())
    return lists or turns or any(isinstance(value.get(name), str) for name in ("prompt", "instruction"))


def _is_turns_or_parts(objects: list[dict[str, Any]]) -> bool:
    """Whether objects are turns, of which some may lack something, or parts of a message; rows may have a type too."""
    if any(_COLUMNS & set(each) for each in objects):
        return False
    turns = any({"role", "from"} & set(each) and _SAID & set(each) for each in objects)
    return turns or all(each.get("type") in _PARTS for each in objects)


def _is_turns(value: Any) -> bool:
    """Whether it is a conversation by itself, without a name."""
    return _all(value, dict) and all(
        {"role", "content"} <= set(each) or {"from", "value"} <= set(each) for each in value
    )


def _is_texts(columns: list[list[Any]]) -> bool:
    """Whether it is one list of texts: the turns of a single row, as LIMA has them."""
    return len(columns) == 1 and _all(columns[0], str)


def _all(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, kind) for each in value)
