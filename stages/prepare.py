"""Turns the data set and the evaluation prompts into the files that the other stages read."""

from pathlib import Path
from typing import Any

from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.config.references import is_hub_id
from tuning.core.command import run, without_arguments
from tuning.core.errors import UserError, doing
from tuning.core.files import check_outputs, write_bytes, write_json, write_jsonl
from tuning.core.paths import COMMITS
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.data import evaluation_prompts, instruction_rows, mixing, origins
from tuning.data.cleaning import clean, decontaminated, without_repetitions
from tuning.data.instruction_rows import Treated
from tuning.data.own_answers import answered_by_the_model, followed_by_the_model
from tuning.data.preparation import Preparation
from tuning.data.rows import Counts, Row, sample, summary
from tuning.data.validation_split import split
from tuning.model import commits
from tuning.model.chat_template import has_own_template, load_tokenizer
from tuning.model.model_spec import load_config

PREPARED = Path("data/prepared")
FILES = ("train.jsonl", "validation.jsonl", "prompts.jsonl", "sample.md")
METRICS = Path("metrics/data.json")
HIGHER = {"max_words": "too_long_to_instruct", "fraction": "not_drawn"}  # which key lets fewer rows be dropped for it
MANY = 0.1  # of the rows without an instruction: from here on it is said
# Keys that say which requests the model answers, and not how: answers are kept by the requests themselves.
WITHOUT = ("dataset", "data", "ifeval.prompts", "train.max_length")


def main() -> None:
    params = read_params()
    check_outputs([METRICS, COMMITS, *(PREPARED / name for name in FILES)])
    types = instruction_rows.chosen_types(params.data.instructions.types)
    of_model = commits.current(params)
    params = commits.pinned(params, of_model)
    sources = [source.pinned() for source in mixing.sources(params.dataset, params.data.columns)]
    prompts = origins.pinned(origins.origin(params.ifeval.prompts, key="ifeval.prompts"))
    with doing(f"reading the prompts of {params.ifeval.prompts}"):
        evaluation = evaluation_prompts.read(prompts)
    if Path(params.model).exists() or is_hub_id(params.model):  # else a server's alone
        load_config(params.model, params.model_config.arguments)  # one that cannot be trained ends the run here
    tokenizer = load_tokenizer(params)
    distils = params.data.self_distill
    if distils == "auto":
        distils = has_own_template(params, tokenizer)
    folder = unfinished_work("prepare", declared("prepare", WITHOUT), of_model)
    preparation, counts = Preparation(params, tokenizer, distils, folder), Counts()

    parts = [(clean(source, preparation, counts), source.weight) for source in sources]
    tell_of_shares(sources, parts)
    rows = without_repetitions(mixing.mix(parts, params.seed), counts)
    rows = decontaminated(rows, evaluation, preparation, counts)
    train, validation = split(rows, params.data.num_val, params.seed)
    own = answered_by_the_model(train, preparation)
    counts.own_answers = len(own)
    rows = [*train, *own]
    with doing("writing instructions into the rows"):
        treated = list(instruction_rows.treat_all(rows, types, params.data.instructions, params.seed, counts))
    treated, counts.followed_by_itself = followed_by_the_model(treated, preparation)
    train = decontaminated(instructed(treated, preparation, counts), evaluation, preparation, counts, treated=True)
    if not train:
        raise UserError(f"dataset: no row is left to train on ({counts.reasons()}){advice(counts)}")

    write_jsonl(PREPARED / "train.jsonl", (row.as_json() for row in train))
    write_jsonl(PREPARED / "validation.jsonl", (row.as_json() for row in validation))
    write_jsonl(PREPARED / "prompts.jsonl", evaluation)
    write_bytes(PREPARED / "sample.md", sample(train, params.seed).encode())
    write_json(COMMITS, of_model)
    of_hub = commits_on_the_hub(of_model, [source.origin for source in sources], prompts)
    write_json(METRICS, summary(train, validation, evaluation, counts) | of_hub)
    remove(folder)
    print(f"{len(train)} rows to train on, {len(validation)} to validate, {len(evaluation)} prompts to evaluate")
    print(f"rows dropped: {counts.reasons()}")
    if counts.untouched() > MANY * len(rows):
        print(f"note: {counts.untouched()} of {len(rows)} rows got no instruction and are left out{advice(counts)}")


def advice(counts: Counts) -> str:
    """How to train on rows that are dropped because they got no instruction; nothing if none is."""
    if not counts.untouched():
        return ""
    hints = ["set 'data.instructions.keep_untouched' to true"]
    hints += [f"'data.instructions.{key}' higher" for key, reason in HIGHER.items() if counts.dropped[reason]]
    return f": to train on them, {', or '.join(hints)}"


def tell_of_shares(sources: list[mixing.Source], parts: list[tuple[list[Row], float]]) -> None:
    """Prints how many rows of each data set of a list are in the mix.

    Raises:
        UserError: one of them has so little weight that none is.
    """
    for source, (rows, _), count in zip(sources, parts, mixing.shares(parts), strict=True):
        if not count:
            problem = f"with these weights the mix has none of the {len(rows)} rows of {source.name}"
            raise UserError(f"dataset: {problem}: give it a greater weight, or leave it out")
        if len(parts) > 1:
            print(f"mix: {count} of {len(rows)} rows of {source.name}")


def instructed(treated: list[tuple[Row, Treated | None]], preparation: Preparation, counts: Counts) -> list[Row]:
    """The rows to train on, some of them with verifiable instructions."""
    found = []
    for row, result in treated:
        if result is not None:
            row = preparation.row(row.place, result.prompt, result.completion, result.types)
            if preparation.too_long(row):
                counts.dropped["over_length"] += 1
                continue
        found.append(row)
    return found


def commits_on_the_hub(of_model: commits.Commits, rows: list[origins.Origin], prompts: origins.Origin) -> dict:
    """The entry ``hub`` of metrics/data.json: what comes from the Hub, at which commits; empty where nothing does."""
    found: dict[str, Any] = {role: {key: each[key] for key in ("name", "commit")} for role, each in of_model.items()}
    if of_rows := [each for each in map(origins.commit, rows) if each]:
        found["dataset"] = of_rows
    if of_prompts := origins.commit(prompts):
        found["prompts"] = of_prompts
    return {"hub": found} if found else {}


if __name__ == "__main__":
    run(without_arguments(main), lock="prepare")
