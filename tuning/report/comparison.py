"""Experiments side by side: what each scores, and its paired difference from the first."""

import tempfile
from pathlib import Path

from ifeval import scoring, tables
from ifeval.records import read_prompts, read_responses
from tuning.core.errors import UserError

PROMPTS, TUNED = "data/prepared/prompts.jsonl", "data/responses/tuned.jsonl"


def compare(names: list[str], seed: int) -> str:
    """A table with a block for each accuracy and a line for each experiment, all against the first.

    Args:
        names: experiments, branches, tags or commits, or ``workspace``; two or more.
        seed: of the bootstrap of the intervals.

    Raises:
        UserError: a name is unknown, its files are not in the cache, or two answered different prompts.
    """
    if len(names) < 2:
        raise UserError("compare: name two or more experiments or revisions; `dvc exp list --all` shows them")
    judged = {name: _judged(name) for name in names}
    first, *others = names
    asked = [(verdict.key, verdict.instruction_id) for verdict in judged[first]]
    for name in others:
        if [(verdict.key, verdict.instruction_id) for verdict in judged[name]] != asked:
            raise UserError(f"compare: {first} and {name} answered different prompts, so there is nothing to pair")
    scores = {name: scoring.score(verdicts, seed) for name, verdicts in judged.items()}
    differences = {name: scoring.difference(judged[first], judged[name], seed) for name in others}
    return "\n\n".join(_block(accuracy, scores, differences) for accuracy in scoring.ACCURACIES)


def _block(accuracy: str, scores: dict, differences: dict) -> str:
    rows = [[f"{tables.TITLES[accuracy]}, %", "score", "difference", "95 % interval"]]
    for name, found in scores.items():
        row = [name, tables.percent(found[accuracy]), "", ""]
        if name in differences:
            bounds = differences[name][f"{accuracy}_ci95"]
            row[2:] = [tables.signed(differences[name][accuracy]), tables.interval(bounds, tables.signed)]
        rows.append(row)
    return tables.align(rows)


def _judged(name: str) -> list[scoring.Judgement]:
    """The verdicts on the tuned responses of one experiment, read from git and DVC's cache."""
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    with tempfile.TemporaryDirectory() as folder:
        try:
            files = DVCFileSystem(rev=None if name == "workspace" else name)
            for path in (PROMPTS, TUNED):
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
    return scoring.judge_all([prompt for prompt in prompts if prompt.key in responses], responses)
