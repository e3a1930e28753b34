"""Turns the data set and the evaluation prompts into the files that the other stages read."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.core.errors import UserError, run
from tuning.core.files import write_bytes, write_json, write_jsonl
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.data import contamination, evaluation_prompts, instruction_rows, mixing, own_answers, schemas
from tuning.data.rows import Row, sample, summary
from tuning.model.chat_template import Tokens, load_tokenizer, row_tokens

PREPARED = Path("data/prepared")
METRICS = Path("metrics/data.json")
ANSWER_TOKENS = 96  # new ones, of the model's own answers to requests
FOLLOWING_TOKENS = 192  # the same of its answers to requests with instructions
# Keys that say which requests the model answers, and not how: answers are kept by the requests themselves.
WITHOUT = ("dataset", "data", "ifeval.prompts", "train.max_length")


def main() -> None:
    params = read_params(
        "model",
        "tokenizer",
        "model_config",
        "tokenizer_config",
        "quantization",
        "dataset",
        "seed",
        "data",
        "ifeval.prompts",
        "train.max_length",
    )
    types = instruction_rows.chosen_types(params["data"]["instructions"]["types"])
    evaluation = evaluation_prompts.read(params["ifeval.prompts"])
    tokenizer = load_tokenizer(params)
    dropped: Counter = Counter(empty=0, duplicate=0, over_length=0, contaminated=0)
    sources = [(clean(name, tokenizer, params, dropped), weight) for name, weight in mixing.parts(params["dataset"])]
    rows = mixing.mix(sources, params["seed"])
    matches = overlaps(rows, evaluation)
    described = in_words(rows, matches)
    rows = decontaminated(rows, matches, params, dropped)
    train, validation = split(rows, params["data"]["num_val"], params["seed"])
    folder = unfinished_work("prepare", declared("prepare", WITHOUT))
    own = answered_by_the_model(train, tokenizer, params, folder)
    lost: Counter = Counter()
    treated = instruction_rows.treat_all([*train, *own], types, params["data"]["instructions"], params["seed"], lost)
    treated, itself = followed_by_the_model(list(treated), tokenizer, params, folder)
    train = instructed(treated, tokenizer, params, dropped)
    matches = [match for match in overlaps(train, evaluation) if train[match.row].types]
    described += in_words(train, matches)
    train = decontaminated(train, matches, params, dropped)
    if not train:
        hint = "set 'data.instructions.keep_untouched' to true, or 'data.instructions.max_words' higher"
        raise UserError(f"dataset: no row is left to train on; {hint}")

    write_jsonl(PREPARED / "train.jsonl", (row.as_json() for row in train))
    write_jsonl(PREPARED / "validation.jsonl", (row.as_json() for row in validation))
    write_jsonl(PREPARED / "prompts.jsonl", evaluation)
    write_bytes(PREPARED / "sample.md", sample(train, params["seed"]).encode())
    write_json(METRICS, summary(train, validation, evaluation, dropped, described, lost, len(own), itself))
    remove(folder)
    print(f"{len(train)} rows to train on, {len(validation)} to validate, {len(evaluation)} prompts to evaluate")
    print(", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in dropped.items()) + " rows dropped")


def clean(name: str, tokenizer, params: dict[str, Any], dropped: Counter) -> list[Row]:
    """The rows of one data set without empty, repeated and, unless they are to be truncated, too long ones."""
    rows: list[Row] = []
    seen: set[str] = set()
    for place, conversation in tqdm(schemas.read(name, params["data"]["columns"]), desc="prepare", unit=" rows"):
        if conversation is None:
            dropped["empty"] += 1
            continue
        if (text := repr(conversation)) in seen:
            dropped["duplicate"] += 1
            continue
        seen.add(text)
        tokens = row_tokens(tokenizer, conversation.prompt, conversation.completion)
        if too_long(tokens, params):
            dropped["over_length"] += 1
            continue
        rows.append(Row(place, conversation.prompt, conversation.completion, tokens))
    return rows


def too_long(tokens: Tokens, params: dict[str, Any]) -> bool:
    """Whether a row is to be dropped for its length; those that are to be truncated are not."""
    longest = params["train.max_length"]
    drops = params["data"]["over_length"] == "drop" and longest is not None
    return drops and len(tokens.prompt) + len(tokens.completion) > longest


def overlaps(rows: list[Row], evaluation: list[dict[str, Any]]) -> list[contamination.Match]:
    """Rows in which the user says what an evaluation prompt says."""
    said = ("\n".join(turn["content"] for turn in row.prompt if turn["role"] == "user") for row in rows)
    return contamination.find(said, ((prompt["key"], prompt["prompt"]) for prompt in evaluation))


def in_words(rows: list[Row], matches: list[contamination.Match]) -> list[str]:
    """For people: which row repeats which prompt."""
    return [f"{rows[match.row].place}: prompt {match.key}, {match.kind}: {match.words}" for match in matches]


def decontaminated(
    rows: list[Row], matches: list[contamination.Match], params: dict[str, Any], dropped: Counter
) -> list[Row]:
    """The rows that overlap no evaluation prompt, if ``data.decontaminate`` says so."""
    if not params["data"]["decontaminate"]:
        return rows
    dropped["contaminated"] += len(matches)
    overlapping = {match.row for match in matches}
    return [row for index, row in enumerate(rows) if index not in overlapping]


def split(rows: list[Row], num_val: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows for training and for validation, each in the data set's order; the seed draws the latter."""
    if len(rows) <= num_val:
        raise UserError(f"dataset: {len(rows)} usable rows, but 'data.num_val' keeps {num_val} of them for validation")
    chosen = set(random.Random(seed).sample(range(len(rows)), num_val))
    train = [row for index, row in enumerate(rows) if index not in chosen]
    return train, [rows[index] for index in sorted(chosen)]


def answered_by_the_model(rows: list[Row], tokenizer, params: dict[str, Any], folder: Path) -> list[Row]:
    """With ``data.self_distill``, further rows: the same requests, answered by the base model.

    Args:
        folder: for what is answered so far.
    """
    if not params["data"]["self_distill"]:
        return []
    asked = [row for row in rows if not instruction_rows.is_foreign(row.completion[-1]["content"])]
    answers = own_answers.own_answers([row.prompt for row in asked], tokenizer, relevant(params), folder, ANSWER_TOKENS)
    found = []
    for row, answer in zip(asked, answers, strict=True):
        if answer:
            completion = [{"role": "assistant", "content": answer}]
            tokens = row_tokens(tokenizer, row.prompt, completion)
            found.append(Row(f"{row.place}, own answer", row.prompt, completion, tokens))
    return found


def followed_by_the_model(
    treated: list[tuple[Row, instruction_rows.Treated | None]], tokenizer, params: dict[str, Any], folder: Path
) -> tuple[list[tuple[Row, instruction_rows.Treated | None]], int]:
    """With ``data.self_distill``, what the base model follows by itself is followed in its own words.

    It is asked for what changes nothing in a text, and its answer taken where it passes all checks, so that training
    keeps what the model can do. Beside the rows, how often it did.
    """
    asked = [result for _, result in treated if result and instruction_rows.COUNTED.issuperset(result.types)]
    if not params["data"]["self_distill"] or not asked:
        return treated, 0
    answers = own_answers.own_answers(
        [result.prompt for result in asked], tokenizer, relevant(params), folder, FOLLOWING_TOKENS
    )
    own = {
        id(result): replace(result, completion=[{"role": "assistant", "content": answer}])
        for result, answer in zip(asked, answers, strict=True)
        if answer and result.is_followed_by(answer)
    }
    return [(row, own.get(id(result), result)) for row, result in treated], len(own)


def relevant(params: dict[str, Any]) -> dict[str, Any]:
    """What the base model's answers depend on."""
    return {name: params[name] for name in ("model", "tokenizer", "model_config", "quantization", "seed")}


def instructed(
    treated: list[tuple[Row, instruction_rows.Treated | None]], tokenizer, params: dict[str, Any], dropped: Counter
) -> list[Row]:
    """The rows to train on, some of them with verifiable instructions."""
    found = []
    for row, result in treated:
        if result is None:
            found.append(row)
            continue
        tokens = row_tokens(tokenizer, result.prompt, result.completion)
        if too_long(tokens, params):
            dropped["over_length"] += 1
            continue
        found.append(Row(row.place, result.prompt, result.completion, tokens, tuple(result.types)))
    return found


if __name__ == "__main__":
    run(main)
