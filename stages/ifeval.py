"""Scores the base and the tuned responses with IFEval and compares them, prompt by prompt."""

import csv
import io
from pathlib import Path
from typing import Any

from ifeval import scoring, tables
from ifeval.jsonl import RecordError
from ifeval.records import Prompt, read_prompts, read_responses
from stages.lib.errors import UserError, run
from stages.lib.files import read_jsonl, write_bytes, write_json, write_jsonl
from stages.lib.params import read_params
from stages.lib.pictures import accuracy_by_type

PROMPTS, RESPONSES = Path("data/prepared/prompts.jsonl"), Path("data/responses")
REPORT = Path("data/report")
METRICS, BY_TYPE = Path("metrics/ifeval.json"), Path("metrics/ifeval_by_type.csv")
PICTURE = Path("metrics/ifeval_by_type.png")


def main() -> None:
    seed = read_params("seed")["seed"]
    prompts = answered(read_prompts(PROMPTS), RESPONSES / "base.jsonl")
    base, tuned = judged("base", prompts), judged("tuned", prompts)
    base_scores, tuned_scores = scoring.score(base, seed), scoring.score(tuned, seed)
    difference = scoring.difference(base, tuned, seed)

    write_jsonl(REPORT / "verdicts-base.jsonl", (judgement.as_row() for judgement in base))
    write_jsonl(REPORT / "verdicts-tuned.jsonl", (judgement.as_row() for judgement in tuned))
    write_json(REPORT / "scores.json", {"base": base_scores, "tuned": tuned_scores, "difference": difference})
    write_json(METRICS, metrics(base_scores, tuned_scores, difference))
    write_bytes(BY_TYPE, by_type(base_scores, tuned_scores))
    write_bytes(PICTURE, accuracy_by_type(base_scores, tuned_scores))
    print(tables.score_table(tuned_scores, base_scores, difference))
    print("\n" + tables.type_table(tuned_scores, base_scores))


def answered(prompts: list[Prompt], responses: Path) -> list[Prompt]:
    """The prompts that generate answered: all, unless ``generation.num_batches`` limits them."""
    if not responses.is_file():
        raise UserError(f"{responses}: there is no such file; run the stage generate first")
    keys = {row["key"] for row in read_jsonl(responses)}
    return [prompt for prompt in prompts if prompt.key in keys]


def judged(name: str, prompts: list[Prompt]) -> list[scoring.Judgement]:
    """The verdicts on data/responses/NAME.jsonl."""
    try:
        return scoring.judge_all(prompts, read_responses(RESPONSES / f"{name}.jsonl", prompts))
    except RecordError as error:
        raise UserError(str(error)) from None


def metrics(base: dict[str, Any], tuned: dict[str, Any], difference: dict[str, Any]) -> dict[str, Any]:
    """What metrics/ifeval.json holds: fractions, the difference with its interval, and p-values."""
    return {
        "prompts": tuned["prompts"],
        "instructions": tuned["instructions"],
        "base": {name: base[name] for name in scoring.ACCURACIES},
        "tuned": {name: tuned[name] for name in scoring.ACCURACIES},
        "difference": difference,
    }


def by_type(base: dict[str, Any], tuned: dict[str, Any]) -> bytes:
    """Strict and loose accuracy of each type, base and tuned, as CSV for ``dvc plots``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["instruction", "model", "instructions", "strict_acc", "loose_acc"])
    for name in tuned["by_type"]:
        for model, scores in (("base", base), ("tuned", tuned)):
            row = scores["by_type"][name]
            writer.writerow([name, model, row["instructions"], row["strict_acc"], row["loose_acc"]])
    return text.getvalue().encode()


if __name__ == "__main__":
    run(main)
