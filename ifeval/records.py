"""Prompts with their instructions, and responses to them, checked as they are read."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ifeval.instructions import build
from ifeval.instructions.base import Instruction
from ifeval.jsonl import RecordError, read_lines
from ifeval.parameters import InstructionError, is_padding

_NUMBER = re.compile(r"(0|-?[1-9][0-9]{0,17})(\.0)?")  # as str() writes a whole one


@dataclass(frozen=True)
class Prompt:
    """One row of the benchmark; ``instructions`` are in the order of ``instruction_id_list``."""

    key: int | str
    prompt: str
    instructions: list[Instruction]


def read_prompts(path: str | Path) -> list[Prompt]:
    """The rows of a prompts file in IFEval's schema: key, prompt, instruction_id_list, kwargs.

    Kwargs that are left out, or null or NaN as data frames leave them, are none for each instruction.

    Args:
        path: a JSONL file, gzipped or not, or ``-`` for standard input.

    Raises:
        RecordError: the file is missing or empty, or a line is broken; the message names file and line.
    """
    prompts: list[Prompt] = []
    lines: dict[Any, int] = {}
    for line, row in read_lines(path):
        where = f"{path}, line {line}"
        prompt = _prompt(row, where)
        if prompt.key in lines:
            raise RecordError(f"{where}: the key {prompt.key!r} already stands in line {lines[prompt.key]}")
        lines[prompt.key] = line
        prompts.append(prompt)
    if not prompts:
        raise RecordError(f"{path}: no prompts in it")
    return prompts


def read_responses(path: str | Path, prompts: list[Prompt], allow_missing: bool = False) -> dict[int | str, str]:
    """The response to each prompt, by the prompt's key; prompts without one are left out.

    Rows carry ``response`` and either ``key`` or, as the official scorer has it, only ``prompt``. With
    ``allow_missing``, a response that is null or NaN counts as none.

    Raises:
        RecordError: a line is broken, matches no prompt, or answers one twice; or, unless
            ``allow_missing``, a prompt has no response.
    """
    keys = _Keys(prompts)
    texts: dict[str, list[Prompt]] = {}
    for prompt in prompts:
        texts.setdefault(prompt.prompt, []).append(prompt)
    responses: dict[int | str, str] = {}
    lines: dict[Any, int] = {}
    for line, row in read_lines(path):
        where = f"{path}, line {line}"
        if allow_missing and "response" in row and is_padding(row["response"]):
            continue
        key = _match(row, keys, texts, where).key
        if key in lines:
            raise RecordError(f"{where}: prompt {key!r} already has a response in line {lines[key]}")
        lines[key] = line
        responses[key] = row["response"]
    missing = [prompt.key for prompt in prompts if prompt.key not in responses]
    if missing and not allow_missing:
        shown = ", ".join(map(repr, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise RecordError(
            f"{path}: no response to {len(missing)} of {len(prompts)} prompts (keys {shown}); "
            "with --allow-missing they count as not followed"
        )
    return responses


def _prompt(row: dict[str, Any], where: str) -> Prompt:
    row = {**row, "key": _as_written(row.get("key"))} if "key" in row else row
    if is_padding(row.get("kwargs")) and isinstance(row.get("instruction_id_list"), list):
        row = {**row, "kwargs": [None] * len(row["instruction_id_list"])}
    for name, kind in {"key": (int, str), "prompt": str, "instruction_id_list": list, "kwargs": list}.items():
        if name not in row:
            raise RecordError(f"{where}: {name!r} is missing; a row has key, prompt, instruction_id_list, kwargs")
        if not isinstance(row[name], kind) or isinstance(row[name], bool):
            raise RecordError(f"{where}: {name!r} cannot be {row[name]!r}")
    ids, kwargs = row["instruction_id_list"], row["kwargs"]
    for name in ids:
        if not isinstance(name, str):
            raise RecordError(f"{where}: 'instruction_id_list' holds {name!r}, which is not a string")
    if not ids:
        raise RecordError(f"{where}: 'instruction_id_list' is empty")
    if len(ids) != len(kwargs):
        raise RecordError(f"{where}: {len(ids)} instruction ids but {len(kwargs)} kwargs")
    try:
        instructions = [
            build(name, None if is_padding(given) else given) for name, given in zip(ids, kwargs, strict=True)
        ]
    except InstructionError as error:
        raise RecordError(f"{where} (key {row['key']!r}): {error}") from None
    return Prompt(row["key"], row["prompt"], instructions)


class _Keys:
    """The prompts by their keys, which one file may have as numbers and the other as text: 1, "1", 1.0 or "1.0"."""

    def __init__(self, prompts: list[Prompt]):
        self.exact = {prompt.key: prompt for prompt in prompts}
        self.numbers: dict[int, list[Prompt]] = {}
        for prompt in prompts:
            if (number := _number(prompt.key)) is not None:
                self.numbers.setdefault(number, []).append(prompt)

    def find(self, key: Any) -> Prompt | None:
        """The prompt with that very key, or else the only one with the same number."""
        key = _as_written(key)
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            return None
        same = self.numbers.get(_number(key), [])
        return self.exact.get(key) or (same[0] if len(same) == 1 else None)


def _number(key: int | str) -> int | None:
    """The whole number that a key is, or that its text stands for."""
    if isinstance(key, int):
        return key
    found = _NUMBER.fullmatch(key)
    return int(found[1]) if found else None


def _match(row: dict[str, Any], keys: _Keys, texts: dict[str, list[Prompt]], where: str) -> Prompt:
    if "response" not in row:
        raise RecordError(f"{where}: 'response' is missing; the row has {', '.join(row) or 'nothing'}")
    if not isinstance(row["response"], str):
        raise RecordError(f"{where}: 'response' must be a string, not {type(row['response']).__name__}")
    prompt = None if is_padding(row.get("prompt")) else row["prompt"]
    if not is_padding(row.get("key")):
        match = keys.find(row["key"])
        if match is None:
            raise RecordError(f"{where}: no prompt has the key {row['key']!r}")
        if prompt is not None and prompt != match.prompt:
            raise RecordError(f"{where}: the prompt of key {row['key']!r} differs from the prompts file's")
        return match
    if not isinstance(prompt, str):
        raise RecordError(f"{where}: 'key' or 'prompt' is needed to find what was answered")
    matches = texts.get(prompt, [])
    if len(matches) != 1:
        problem = "matches no prompt of the prompts file" if not matches else "stands there more than once; add 'key'"
        raise RecordError(f"{where}: the prompt {prompt[:60]!r} {problem}")
    return matches[0]


def _as_written(key: Any) -> Any:
    """The key; a whole number for 3.0, since data frames write numbers so."""
    return int(key) if isinstance(key, float) and key.is_integer() else key
