"""Turns the data set and the evaluation prompts into the files that the other stages read."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.lib import datasets, prompts
from stages.lib.chat import load_tokenizer, row_tokens
from stages.lib.errors import UserError, run
from stages.lib.files import write_json, write_jsonl
from stages.lib.params import read_params

PREPARED = Path("data/prepared")
METRICS = Path("metrics/data.json")


def main() -> None:
    params = read_params("model", "tokenizer", "tokenizer_config", "dataset", "seed", "data", "ifeval.prompts")
    evaluation = prompts.read(params["ifeval.prompts"])
    rows, dropped = clean(params["dataset"])
    train, validation = split(rows, params["data"]["num_val"], params["seed"], params["dataset"])
    tokens = token_counts(train, load_tokenizer(params))

    write_jsonl(PREPARED / "train.jsonl", train)
    write_jsonl(PREPARED / "validation.jsonl", validation)
    write_jsonl(PREPARED / "prompts.jsonl", evaluation)
    write_json(METRICS, summary(train, validation, evaluation, dropped, tokens))
    print(f"{len(train)} rows to train on, {len(validation)} to validate, {len(evaluation)} prompts to evaluate")


def clean(dataset: str) -> tuple[list[dict[str, Any]], Counter]:
    """The rows of the data set as prompt and completion, without empty and repeated ones, which are counted."""
    rows: list[dict[str, Any]] = []
    seen: set[str] = set()
    dropped: Counter = Counter(empty=0, duplicate=0)
    for _, conversation in tqdm(datasets.read(dataset), desc="prepare", unit=" rows"):
        if conversation is None:
            dropped["empty"] += 1
            continue
        row = {"prompt": conversation.prompt, "completion": conversation.completion}
        if (text := repr(row)) in seen:
            dropped["duplicate"] += 1
            continue
        seen.add(text)
        rows.append(row)
    return rows, dropped


def split(rows: list[dict[str, Any]], num_val: int, seed: int, dataset: str) -> tuple[list, list]:
    """Rows for training and for validation, each in the data set's order; the seed draws the latter."""
    if len(rows) <= num_val:
        raise UserError(f"{dataset}: has {len(rows)} usable rows, but 'data.num_val' keeps {num_val} for validation")
    chosen = set(random.Random(seed).sample(range(len(rows)), num_val))
    train = [row for index, row in enumerate(rows) if index not in chosen]
    return train, [rows[index] for index in sorted(chosen)]


def token_counts(rows: list[dict[str, Any]], tokenizer) -> dict[str, list[int]]:
    """Tokens of each row's prompt and completion, in ascending order."""
    encoded = [row_tokens(tokenizer, row["prompt"], row["completion"]) for row in rows]
    return {
        "prompt": sorted(len(tokens.prompt) for tokens in encoded),
        "completion": sorted(len(tokens.completion) for tokens in encoded),
    }


def summary(train: list, validation: list, evaluation: list, dropped: Counter, tokens: dict[str, list[int]]) -> dict:
    """What metrics/data.json holds; a percentile is the nearest row's."""
    percentiles = {
        part: {f"p{p}": counts[round(p / 100 * (len(counts) - 1))] for p in (5, 50, 95, 100)}
        for part, counts in tokens.items()
    }
    return {
        "rows": {"train": len(train), "validation": len(validation)},
        "dropped": dict(dropped),
        "tokens": {"total": sum(map(sum, tokens.values())), **percentiles},
        "evaluation": {
            "prompts": len(evaluation),
            "instructions": sum(len(row["instruction_id_list"]) for row in evaluation),
        },
    }


if __name__ == "__main__":
    run(main)
