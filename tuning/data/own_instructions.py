"""Rows that carry verifiable instructions already, in the columns of google/IFEval."""

from typing import Any

from ifeval.instructions import build
from ifeval.parameters import InstructionError
from tuning.data.literal_json import PLAIN, list_in_text, read
from tuning.data.rows import RowError


def followed_types(row: dict[str, Any], completion: str) -> tuple[str, ...]:
    """The ids of the row's instructions.

    Args:
        row: has ``instruction_id_list``, ids, and ``kwargs``, one mapping for each; or their JSON as text.

    Raises:
        RowError: an instruction cannot be built, or the completion does not follow it.
    """
    ids, kwargs = (_list(row.get(column)) for column in ("instruction_id_list", "kwargs"))
    if not isinstance(ids, list) or not isinstance(kwargs, list) or len(ids) != len(kwargs):
        raise RowError("bad_instruction", "'instruction_id_list' and 'kwargs' must be lists of the same length")
    for name, given in zip(ids, kwargs, strict=True):
        try:
            instruction = build(name, {key: read(value) for key, value in (given or {}).items() if value is not None})
            followed = instruction.check(completion)
        except (InstructionError, AttributeError) as error:
            raise RowError("bad_instruction", f"instruction {name!r}: {error}") from error
        if not followed:
            raise RowError("not_followed", f"its answer does not follow its instruction {name!r}")
    return tuple(ids)


def _list(value: Any) -> Any:
    return list_in_text(value, PLAIN) if isinstance(value, str) else value
