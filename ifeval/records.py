"""Prompts with their instructions, and responses to them, checked as they are read."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ifeval.instructions import build
from ifeval.instructions.base import Instruction
from ifeval.jsonl import RecordError, json_kind, named, read_lines
from ifeval.parameters import InstructionError, is_padding, listed, shown

_NUMBER = re.compile(r"(0|-?[1-9][0-9]{0,17})(\.0)?")  # as str() writes a whole one

_KINDS = {
    "key": ((int, str), "a whole number or a string"),
    "prompt": (str, "a string"),
    "instruction_id_list": (list, "a list"),
    "kwargs": (list, "a list"),
}


@dataclass(frozen=True)
class Prompt:
    """One row of the benchmark.

    Attributes:
        instructions: in the order of ``instruction_id_list``.
        where: file, line and key, for messages; empty for a prompt that does not come from a file.
    """

    key: int | str
    prompt: str
    instructions: list[Instruction]
    where: str = field(default="", compare=False)


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
        where = f"{named(path)}, line {line}"
        prompt = _prompt(row, where)
        if prompt.key in lines:
            raise RecordError(f"{where}: the key {shown(prompt.key)} already stands in line {lines[prompt.key]}")
        lines[prompt.key] = line
        prompts.append(prompt)
    if not prompts:
        raise RecordError(f"{named(path)}: no prompts in it")
    return prompts


def read_responses(path: str | Path, prompts: list[Prompt], allow_missing: bool = False) -> dict[int | str, str]:
    """The response to each prompt, by the prompt's key; prompts without one are left out.

    Rows carry ``response`` and either ``key`` or, as the official scorer has it, only ``prompt``. With
    ``allow_missing``, a response that is null or NaN counts as none; its row has to match a prompt all the same.

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
        where = f"{named(path)}, line {line}"
        _check_response(row, where, allow_missing)
        key = _match(row, keys, texts, where).key
        if is_padding(row["response"]):
            continue
        if key in lines:
            raise RecordError(f"{where}: prompt {shown(key)} already has a response in line {lines[key]}")
        lines[key] = line
        responses[key] = row["response"]
    missing = [prompt.key for prompt in prompts if prompt.key not in responses]
    if missing and not allow_missing:
        keys_of_some = ", ".join(map(shown, missing[:5])) + (", ..." if len(missing) > 5 else "")
        raise RecordError(
            f"{named(path)}: no response to {len(missing)} of {len(prompts)} prompts (keys {keys_of_some}); "
            "with --allow-missing they count as not followed"
        )
    return responses


def _prompt(row: dict[str, Any], where: str) -> Prompt:
    row = {**row, "key": _as_written(row.get("key"))} if "key" in row else row
    if is_padding(row.get("kwargs")) and isinstance(row.get("instruction_id_list"), list):
        row = {**row, "kwargs": [None] * len(row["instruction_id_list"])}
    for name, (kind, words) in _KINDS.items():
        if name not in row:
            raise RecordError(f"{where}: {name!r} is missing; a row has {', '.join(_KINDS)}")
        if not isinstance(row[name], kind) or isinstance(row[name], bool):
            raise RecordError(f"{where}: {name!r} must be {words}, not {_as_json(row[name])}")
    ids, kwargs = row["instruction_id_list"], row["kwargs"]
    for name in ids:
        if not isinstance(name, str):
            raise RecordError(f"{where}: 'instruction_id_list' holds {shown(name)}, which is not a string")
    if not ids:
        raise RecordError(f"{where}: 'instruction_id_list' is empty")
    if len(ids) != len(kwargs):
        raise RecordError(f"{where}: {len(ids)} instruction ids but {len(kwargs)} kwargs")
    where = f"{where} (key {shown(row['key'])})"
    try:
        instructions = [
            build(name, None if is_padding(given) else given) for name, given in zip(ids, kwargs, strict=True)
        ]
    except InstructionError as error:
        raise RecordError(f"{where}: {error}") from None
    return Prompt(row["key"], row["prompt"], instructions, where)


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


def _check_response(row: dict[str, Any], where: str, allow_missing: bool) -> None:
    if "response" not in row:
        if "filtered_resps" in row or "resps" in row:  # as lm-eval writes with --log_samples
            advice = "this is a sample of lm-eval: take filtered_resps[0] as response and doc.key as key"
        else:
            advice = f"rows need response and key or prompt, and this one has {listed(row) or 'nothing'}"
        raise RecordError(f"{where}: 'response' is missing; {advice}")
    response = row["response"]
    if is_padding(response):
        if not allow_missing:
            raise RecordError(f"{where}: 'response' is {json_kind(response)}; --allow-missing counts it as missing")
    elif not isinstance(response, str):
        raise RecordError(f"{where}: 'response' must be a string, not {json_kind(response)}")


def _match(row: dict[str, Any], keys: _Keys, texts: dict[str, list[Prompt]], where: str) -> Prompt:
    prompt = None if is_padding(row.get("prompt")) else row["prompt"]
    if not is_padding(row.get("key")):
        match = keys.find(row["key"])
        if match is None:
            raise RecordError(f"{where}: no prompt has the key {shown(row['key'])}")
        if prompt is not None and prompt != match.prompt:
            raise RecordError(f"{where}: the prompt of key {shown(row['key'])} differs from the prompts file's")
        return match
    if not isinstance(prompt, str):
        raise RecordError(f"{where}: 'key' or 'prompt' is needed to find what was answered")
    matches = texts.get(prompt, [])
    if len(matches) != 1:
        problem = "matches no prompt of the prompts file" if not matches else "stands there more than once; add 'key'"
        raise RecordError(f"{where}: the prompt {prompt[:60]!r} {problem}")
    return matches[0]


def _as_json(value: Any) -> str:
    return json_kind(value) if is_padding(value) or isinstance(value, bool) else shown(value)


def _as_written(key: Any) -> Any:
    """The key; a whole number for 3.0, since data frames write numbers so."""
    return int(key) if isinstance(key, float) and key.is_integer() else key
