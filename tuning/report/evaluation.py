"""What base and tuned model reach on the same prompts: as a record, as a table, and by type as CSV."""

import csv
import io
from statistics import median
from typing import Any

from ifeval import intervals, scoring, tables
from ifeval.scoring import ACCURACIES, Judgement

MODELS = ("base", "tuned")
MEAN = "mean_acc"
TITLES = tables.TITLES | {MEAN: "mean of the four"}


def record(judged: dict[str, list[Judgement]], counts: dict[str, dict[str, Any]], seed: int) -> dict[str, Any]:
    """The scores of both models and their paired difference.

    Args:
        judged: the judgements of ``base`` and of ``tuned``, about the same prompts.
        counts: what is told of the responses of each, such as how many loop.
        seed: of the bootstrap.

    Returns:
        ``base`` and ``tuned``, as ``ifeval.scoring.score`` gives them, with the mean of the four accuracies and the
        counts; ``difference``, as ``ifeval.scoring.difference`` gives it, with that of the mean; ``by_type``, a row
        for each type.
    """
    base, tuned = (judged[name] for name in MODELS)
    found: dict[str, Any] = {
        name: scoring.score(judged[name], seed) | scoring.mean_of_four(judged[name], seed) | counts[name]
        for name in MODELS
    }
    found["difference"] = scoring.difference(base, tuned, seed) | scoring.mean_of_four(tuned, seed, base)
    found["by_type"] = by_type(base, tuned)
    return found


def lengths(responses: list[dict[str, Any]]) -> dict[str, float]:
    """The median and the greatest number of tokens of responses."""
    tokens = [row["new_tokens"] for row in responses]
    return {"median_new_tokens": median(tokens), "most_new_tokens": max(tokens)}


def by_type(base: list[Judgement], tuned: list[Judgement]) -> list[dict[str, Any]]:
    """For each type, strict and loose accuracy of both, and McNemar's exact p-value of the strict difference."""
    rows = []
    for name in sorted({judgement.instruction_id for judgement in base}):
        old, new = ([judgement for judgement in each if judgement.instruction_id == name] for each in (base, tuned))
        row: dict[str, Any] = {"instruction": name, "instructions": len(old)}
        for kind in ("strict", "loose"):
            row[f"base_{kind}"] = sum(getattr(judgement, kind) for judgement in old) / len(old)
            row[f"tuned_{kind}"] = sum(getattr(judgement, kind) for judgement in new) / len(new)
        row["difference_strict"] = row["tuned_strict"] - row["base_strict"]
        row["mcnemar_p"] = intervals.mcnemar([each.strict for each in old], [each.strict for each in new])
        rows.append(row)
    return rows


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """The rows by type as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def printed(found: dict[str, Any]) -> str:
    """The record as two tables of plain text: scores with what is told of the answers, and types."""
    base, tuned, difference = found["base"], found["tuned"], found["difference"]
    rows = [["accuracy, %", *MODELS, "difference", "95 % interval"]]
    for name in (*ACCURACIES, MEAN):
        bounds = tables.interval(difference[f"{name}_ci95"], tables.signed)
        scores = [tables.percent(base[name]), tables.percent(tuned[name])]
        rows.append([TITLES[name], *scores, tables.signed(difference[name]), bounds])
    for title, name in (("answers that loop", "share_looping"), ("answers cut at the limit", "share_cut")):
        shares = [tables.percent(base[name]), tables.percent(tuned[name])]
        rows.append([title, *shares, tables.signed(tuned[name] - base[name]), ""])
    medians = [f"{each['median_new_tokens']:g}" for each in (base, tuned)]
    rows.append(["median length, tokens", *medians, "", ""])
    types = [["strict, %", "asked", *MODELS, "difference", "McNemar p"]]
    for row in found["by_type"]:
        scores = [tables.percent(row["base_strict"]), tables.percent(row["tuned_strict"])]
        shown = [*scores, tables.signed(row["difference_strict"]), f"{row['mcnemar_p']:.3g}"]
        types.append([row["instruction"], str(row["instructions"]), *shown])
    return f"{tables.align(rows)}\n\n{tables.align(types)}"
