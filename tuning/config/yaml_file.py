"""A YAML file as plain values, read as DVC reads it: YAML 1.2, in which 1e-4 is a number and `no` is text."""

from pathlib import Path
from typing import Any

from tuning.config.messages import shortened
from tuning.core.errors import UserError

MOST_VALUES = 100_000
KINDS = {dict: "a mapping of keys to values", list: "a list, each entry on a line that starts with '- '"}


def load(path: Path, kind: type = dict) -> Any:
    """The file's values.

    Args:
        kind: what the file holds, ``dict`` or ``list``.

    Raises:
        UserError: the file is missing, is not UTF-8 or not YAML, has a key twice, or holds something else.
    """
    values = _parsed(_text(path), path)
    if not isinstance(values, kind):
        raise UserError(f"{path} must be {KINDS[kind]}")
    if _more_than(MOST_VALUES, values):
        raise UserError(f"{path} stands for more than {MOST_VALUES:,} values: remove its anchors (&) and aliases (*)")
    return values


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} is not here: run from the project's top folder") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}") from None


def _parsed(text: str, path: Path) -> Any:
    from ruamel.yaml import YAML, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise UserError(f"{path}{line}: not valid YAML: {shortened(problem, 300)}") from None
    except ValueError as error:  # a date or a number that Python cannot hold
        raise UserError(f"{path}: not valid YAML: {shortened(str(error), 300)}") from None
    except RecursionError:
        raise UserError(f"{path}: not valid YAML: lists or mappings are nested too deep") from None


def _more_than(limit: int, values: Any) -> bool:
    """Whether there are more values, where one that an alias repeats counts each time."""
    queue, count = [values], 0
    while queue and count <= limit:
        value = queue.pop()
        count += 1
        if isinstance(value, dict):
            queue.extend(value.values())
        elif isinstance(value, list):
            queue.extend(value)
    return count > limit
