"""Experiments side by side: what each scores, and its paired difference from the first."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ifeval import scoring, tables
from ifeval.records import Prompt, read_prompts, read_responses
from tuning.config import automatic, yaml_file
from tuning.core.errors import UserError
from tuning.report.verdicts import verdicts

PROMPTS, TUNED, PARAMS = "data/prepared/prompts.jsonl", "data/responses/tuned.jsonl", "params.yaml"


@dataclass(frozen=True)
class Experiment:
    """What one experiment answered, and how that is judged with its own parameters.

    Attributes:
        prompts: those that were answered, as rows: key, text, and each instruction's id and kwargs.
        limit: of new tokens; None where its parameters do not say.
    """

    prompts: list[tuple[Any, ...]]
    verdicts: list[scoring.Judgement]
    limit: int | None


def compare(names: list[str], seed: int) -> str:
    """A table with a block for each accuracy and a line for each experiment, all against the first.

    Each is judged with its own ``generation.strip_thoughts``. Where limits of new tokens differ, a last line says so.

    Args:
        names: experiments, branches, tags or commits, or ``workspace``; two or more.
        seed: of the bootstrap of the intervals.

    Raises:
        UserError: a name is unknown, its files are not in the cache, or two answered different prompts.
    """
    if len(names) < 2:
        raise UserError("compare: name two or more experiments or revisions; `dvc exp list --all` shows them")
    found = {name: _experiment(name) for name in names}
    first, *others = names
    for name in others:
        if found[name].prompts != found[first].prompts:
            raise UserError(f"compare: {first} and {name} answered different prompts, so there is nothing to pair")
    scores = {name: scoring.score(experiment.verdicts, seed) for name, experiment in found.items()}
    base = found[first].verdicts
    differences = {name: scoring.difference(base, found[name].verdicts, seed) for name in others}
    blocks = [_block(accuracy, scores, differences) for accuracy in scoring.ACCURACIES]
    return "\n\n".join(blocks + _differing_limits({name: experiment.limit for name, experiment in found.items()}))


def _differing_limits(limits: dict[str, int | None]) -> list[str]:
    """A line that names the limits of new tokens; none where they are the same."""
    if len(set(limits.values())) == 1:
        return []
    listed = ", ".join(f"{name} {'unknown' if limit is None else limit}" for name, limit in limits.items())
    return [f"Limits of new tokens differ, and scores compare only with the same limit: {listed}"]


def _block(accuracy: str, scores: dict, differences: dict) -> str:
    rows = [[f"{tables.TITLES[accuracy]}, %", "score", "difference", "95 % interval"]]
    for name, found in scores.items():
        row = [name, tables.percent(found[accuracy]), "", ""]
        if name in differences:
            bounds = differences[name][f"{accuracy}_ci95"]
            row[2:] = [tables.signed(differences[name][accuracy]), tables.interval(bounds, tables.signed)]
        rows.append(row)
    return tables.align(rows)


def _experiment(name: str) -> Experiment:
    """The tuned responses of one experiment, judged; its files and parameters are read from git and DVC's cache.

    Raises:
        UserError: the name is unknown, or a file of it is not there or cannot be read.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    with tempfile.TemporaryDirectory() as folder:
        try:
            files = DVCFileSystem(rev=None if name == "workspace" else name)
            for path in (PROMPTS, TUNED, PARAMS):
                Path(folder, Path(path).name).write_bytes(files.read_bytes(path))
        except (SCMError, DvcException) as error:
            raise UserError(f"compare: {name}: {error}; `dvc exp list --all` shows the experiments") from error
        except FileNotFoundError as error:
            raise UserError(
                f"compare: {name} has no {path} here: run it, or fetch it with `dvc exp pull` or `dvc fetch`"
            ) from error
        prompts = read_prompts(Path(folder, Path(PROMPTS).name))
        lines = Path(folder, Path(TUNED).name)
        responses = read_responses(lines, prompts, allow_missing=True)
        try:
            values = yaml_file.load(Path(folder, PARAMS))
        except UserError as error:
            raise UserError(f"compare: {name}: {error}") from None
    answered = [prompt for prompt in prompts if prompt.key in responses]
    strips = _generation(values).get("strip_thoughts") is True
    return Experiment(list(map(_row, answered)), verdicts(name, answered, responses, strips), _limit(values))


def _row(prompt: Prompt) -> tuple[Any, ...]:
    instructions = [(instruction.id, instruction.kwargs) for instruction in prompt.instructions]
    return prompt.key, prompt.prompt, instructions


def _generation(values: dict[str, Any]) -> dict[str, Any]:
    section = values.get("generation")
    return section if isinstance(section, dict) else {}


def _limit(values: dict[str, Any]) -> int | None:
    """The limit of new tokens in an experiment's parameters; None where old ones lack what it follows from."""
    limit = _generation(values).get("max_new_tokens")
    if limit != "auto":
        return limit
    try:
        return automatic.resolved(values)["generation"]["max_new_tokens"]
    except (KeyError, TypeError, AttributeError):
        return None
