"""Scores the base model and a trained one on other prompts than the run's, without training again.

    python -m stages.evaluate [-S key=value ...] [--adapter FOLDER] [--out FOLDER]

The prompts are the second starter set, data/starter/prompts_unseen.jsonl; -S ifeval.prompts=... names others. Answers
are kept in evaluated/answers, so that the base model answers a set of prompts once, and a trained model again only when
it has been trained anew. No output of the pipeline is touched.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from ifeval.records import read_prompts
from tuning.config import overrides
from tuning.config.automatic import UNSEEN
from tuning.config.declared import declared
from tuning.config.params import Params
from tuning.core.command import run
from tuning.core.errors import UserError, doing
from tuning.core.files import check_outputs, fingerprint, read_jsonl, write_bytes, write_json, write_jsonl
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.data import contamination, evaluation_prompts
from tuning.generation.answering import answered, metrics
from tuning.generation.older_server import tell_of_older_server
from tuning.generation.response_file import WITHOUT
from tuning.generation.task import Task, Tuned, limited, task
from tuning.memory.preflight import check_generation
from tuning.model.adapters import ADAPTER, adapter_spec, check_trained, load_tuned, lora_rank
from tuning.model.base_model import load_model
from tuning.model.commits import pinned, revisions
from tuning.model.device import free_unused
from tuning.model.model_spec import model_spec
from tuning.model.processes import launched, rank
from tuning.report import evaluation
from tuning.report.verdicts import verdicts

EVALUATED = Path("evaluated")
ANSWERS = EVALUATED / "answers"
TRAINED_ON = Path("data/prepared/train.jsonl")


def main(arguments: argparse.Namespace) -> None:
    params = pinned(overrides.apply([f"ifeval.prompts={UNSEEN}", *arguments.set_param]))
    if launched(params.launch, "stages.evaluate", *sys.argv[1:]):
        return
    source, adapter = params.ifeval.prompts, arguments.adapter
    check_adapter(adapter)
    out = arguments.out or EVALUATED / Path(source).name.partition(".")[0]
    check_outputs(folders=[out, ANSWERS])
    with doing(f"reading the prompts of {source}"):
        prompts = limited(evaluation_prompts.read(source), params.generation)
    responses = {
        "base": responses_of("base", params, prompts),
        "tuned": responses_of("tuned", params, prompts, adapter),
    }
    if rank() > 0:
        return
    with doing(f"writing the scores into {out}; finished answers are kept"):
        write_jsonl(out / "prompts.jsonl", prompts)
        judged = judge(out, responses, params.generation.strip_thoughts)
        counts = {name: metrics(rows) | evaluation.lengths(rows) for name, rows in responses.items()}
        found = evaluation.record(judged, counts, params.seed)
        overlaps = overlapping_rows(prompts) if adapter.resolve() == ADAPTER.resolve() else None
        about = {
            "prompts": source,
            "overlapping_rows": overlaps,
            "model": params.model,
            "adapter": str(adapter),
            "max_new_tokens": limit(params),
        }
        write_json(out / "scores.json", about | found)
        write_bytes(out / "by_type.csv", evaluation.as_csv(found["by_type"]))
    count = f"{found['base']['prompts']} prompts with {found['base']['instructions']} instructions"
    print(f"{source}: {count}, up to {limit(params)} new tokens\n\n{evaluation.printed(found)}\n\nwritten to {out}")


def check_adapter(folder: Path) -> None:
    """Raises an error if there is nothing trained in the folder.

    Raises:
        UserError: it is not there.
    """
    if folder == ADAPTER:
        check_trained()
    elif not folder.is_dir():
        raise UserError(f"--adapter: {folder} is not a folder; it names one that was models/adapter after a run")


def overlapping_rows(prompts: list[dict[str, Any]]) -> int | None:
    """Prepared rows that say what one of these prompts says; prepare has looked only at those of ``ifeval.prompts``.

    Returns:
        how many, of which the first is printed; None where no rows are prepared here.
    """
    if not TRAINED_ON.is_file():
        return None
    said = (contamination.said(row["prompt"]) for row in read_jsonl(TRAINED_ON))
    found = contamination.find(said, ((row["key"], row["prompt"]) for row in prompts))
    if found:
        first = f"line {found[0].row + 1} with prompt {found[0].key}: {found[0].words!r}"
        print(f"warning: {len(found)} rows of {TRAINED_ON} repeat a prompt, whole or in eight words, first {first}")
    return len(found)


def limit(params: Params) -> int:
    """New tokens of an answer at the most."""
    return params.generation.arguments["max_new_tokens"]


def responses_of(
    name: str, params: Params, prompts: list[dict[str, Any]], adapter: Path | None = None
) -> list[dict[str, Any]]:
    """The base or the tuned model's responses: those of an earlier evaluation, unless what they follow from differs."""
    stage, trained = ("baseline", []) if adapter is None else ("generate", [adapter])
    depends = [declared(stage, WITHOUT, params.plain()), revisions(params), prompts, *trained]
    kept = ANSWERS / f"{name}-{fingerprint(*depends)}.jsonl"
    if kept.is_file():
        print(f"{name}: answered before, in {kept}")
        return read_jsonl(kept)
    folder = unfinished_work(f"evaluate-{name}", *depends)
    tuned = adapter and Tuned(str(adapter), params.full_finetuning, lora_rank(params))
    asked = task(params, folder, tuned, prompts)
    if adapter:
        tell_of_older_server(asked, adapter)
    responses, _ = answered(asked, lambda: loaded(params, asked, adapter))
    free_unused()
    if rank() == 0:
        write_jsonl(kept, responses)
        remove(folder)
    return responses


def loaded(params: Params, asked: Task, adapter: Path | None):
    """The base model, or with ``adapter`` the tuned one."""
    spec, trained = model_spec(params), adapter and adapter_spec(params)
    check_generation(spec, trained, asked, params.resources.strict)
    return load_tuned(spec, trained, adapter) if adapter else load_model(spec)


def judge(out: Path, responses: dict[str, list[dict[str, Any]]], strips: bool) -> dict[str, list]:
    """The verdicts on both models' responses, which are written with them."""
    prompts, judged = read_prompts(out / "prompts.jsonl"), {}
    for name, rows in responses.items():
        judged[name] = verdicts(name, prompts, {row["key"]: row["response"] for row in rows}, strips)
        write_jsonl(out / f"{name}.jsonl", rows)
        write_jsonl(out / f"verdicts-{name}.jsonl", (judgement.as_row() for judgement in judged[name]))
    return judged


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--adapter", type=Path, default=ADAPTER, help="what was trained (default: models/adapter)")
    parser.add_argument("--out", type=Path, help="folder for the scores (default: evaluated/NAME-OF-THE-PROMPTS)")
    parsed = parser.parse_args()
    run(lambda: main(parsed), lock="evaluate")
