"""Rows that carry verifiable instructions already, in the columns of google/IFEval."""

from typing import Any

from ifeval.instructions import build
from ifeval.parameters import InstructionError, is_padding
from tuning.data.literal_json import BLANK, PLAIN, list_in_text, read
from tuning.data.rows import RowError


def carries_instructions(row: dict[str, Any]) -> bool:
    """Whether there are instructions in the row's column of them, and not what stands for none."""
    value = row.get("instruction_id_list")
    return not (is_padding(value) or (isinstance(value, str) and value.strip() in BLANK))


def followed_types(row: dict[str, Any], completion: str) -> tuple[str, ...]:
    """The ids of the row's instructions.

    Args:
        row: has ``instruction_id_list``, ids, and ``kwargs``, one mapping for each; or their JSON as text. Kwargs may
            be left out where no instruction takes any.

    Raises:
        RowError: an instruction cannot be built, or the completion does not follow it.
    """
    ids, kwargs = (_list(row.get(column)) for column in ("instruction_id_list", "kwargs"))
    if is_padding(kwargs) and isinstance(ids, list):
        kwargs = [None] * len(ids)
    if not isinstance(ids, list) or not isinstance(kwargs, list) or len(ids) != len(kwargs):
        raise RowError("bad_instruction", "'instruction_id_list' and 'kwargs' must be lists of the same length")
    for name, given in zip(ids, kwargs, strict=True):
        given = {} if is_padding(given) else given
        try:
            instruction = build(name, {key: read(value) for key, value in given.items()})
            followed = instruction.check(completion)
        except (InstructionError, AttributeError, TypeError) as error:
            raise RowError("bad_instruction", f"instruction {name!r}: {error}") from error
        if not followed:
            raise RowError("not_followed", f"its answer does not follow its instruction {name!r}")
    return tuple(ids)


def _list(value: Any) -> Any:
    """The list that a text holds; none of a blank one, and any other value as it is."""
    if not isinstance(value, str):
        return value
    found = list_in_text(value, PLAIN)
    return None if value.strip() in BLANK else value if found is None else found
