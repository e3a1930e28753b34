"""Scores the base and the tuned responses with IFEval and compares them, prompt by prompt."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ifeval import scoring, tables
from ifeval.jsonl import RecordError
from ifeval.records import Prompt, read_prompts, read_responses
from tuning.config import huggingface_keys
from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.core.command import run, without_arguments
from tuning.core.errors import UserError, doing
from tuning.core.files import check_outputs, new_folder, read_json, read_jsonl, write_bytes, write_json, write_jsonl
from tuning.report import page
from tuning.report.verdicts import verdicts

PROMPTS, RESPONSES = Path("data/prepared/prompts.jsonl"), Path("data/responses")
REPORT = Path("data/report")
METRICS, BY_TYPE = Path("metrics/ifeval.json"), Path("metrics/ifeval_by_type.csv")
LENGTHS = Path("metrics/response_lengths.csv")
CURVES = Path("metrics/curves/plots/metrics")


def main() -> None:
    params = read_params()
    check_outputs(files=[METRICS, BY_TYPE, LENGTHS], folders=[REPORT])
    seed, strips = params.seed, params.generation.strip_thoughts
    prompts = answered()
    responses = {name: responses_of(name, prompts) for name in ("base", "tuned")}
    base, tuned = (verdicts(name, prompts, responses[name], strips) for name in responses)
    base_scores, tuned_scores = scoring.score(base, seed), scoring.score(tuned, seed)
    difference = scoring.difference(base, tuned, seed)
    scores = {"base": base_scores, "tuned": tuned_scores, "difference": difference}

    with doing(f"writing the scores and {REPORT}"):
        rows = page.answered(prompts, responses, base, tuned)
        shown = page.page(settings(), scores, rows, curves(), numbers())
        with new_folder(REPORT) as new:
            write_jsonl(new / "verdicts-base.jsonl", (judgement.as_row() for judgement in base))
            write_jsonl(new / "verdicts-tuned.jsonl", (judgement.as_row() for judgement in tuned))
            write_json(new / "scores.json", scores)
            write_bytes(new / "index.html", shown)
        write_json(METRICS, metrics(base_scores, tuned_scores, difference))
        write_bytes(BY_TYPE, by_type(base_scores, tuned_scores))
        write_bytes(LENGTHS, lengths())
    print(tables.score_table(tuned_scores, base_scores, difference))
    print("\n" + tables.type_table(tuned_scores, base_scores))


def settings() -> dict[str, Any]:
    """The parameters that the page states: those that can change it, as far as they are given."""
    return {
        name: value
        for name, value in declared("ifeval").items()
        if value is not None or name.partition(".")[2] not in huggingface_keys.keys("generation")
    }


def answered() -> list[Prompt]:
    """The prompts that were answered: all of them, unless ``generation.num_batches`` limits them."""
    keys = {row["key"] for row in read_jsonl(RESPONSES / "base.jsonl")}
    try:
        return [prompt for prompt in read_prompts(PROMPTS) if prompt.key in keys]
    except RecordError as error:
        raise UserError(str(error)) from None


def responses_of(name: str, prompts: list[Prompt]) -> dict[int | str, str]:
    """The responses in data/responses/NAME.jsonl, by prompt key."""
    try:
        return read_responses(RESPONSES / f"{name}.jsonl", prompts)
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


def lengths() -> bytes:
    """A histogram of response lengths, base and tuned, as CSV: sixteen bins up to the longest response.

    The first takes in the responses without a token.
    """
    tokens = {
        name: [row["new_tokens"] for row in read_jsonl(RESPONSES / f"{name}.jsonl")] for name in ("base", "tuned")
    }
    step = max(1, -(-max(map(max, tokens.values())) // 16))
    lines = ["model,up_to_tokens,responses"]
    for name, counts in tokens.items():
        for bound in range(step, 16 * step + 1, step):
            lines.append(f"{name},{bound},{sum(bound - step < max(count, 1) <= bound for count in counts)}")
    return ("\n".join(lines) + "\n").encode()


def curves() -> list[page.Curve]:
    """The loss curves that train wrote, for the report."""
    found = []
    for title, name in (("Training loss", "train"), ("Validation loss", "validation")):
        if (path := CURVES / name / "loss.tsv").is_file():
            with path.open(encoding="utf-8") as file:
                points = [(float(row["step"]), float(row["loss"])) for row in csv.DictReader(file, delimiter="\t")]
            found.append(page.curve(title, points))
    return [curve for curve in found if curve]


def in_words(value: Any) -> str:
    """A count, a measure, or a setting, for the page."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if type(value) is int else str(value)


def on_the_hub(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the run took from the Hub, and at which commit, from metrics/data.json."""
    for role, entries in data["hub"].items():
        for entry in entries if isinstance(entries, list) else [entries]:
            part = "".join(f", {entry[key]}" for key in ("config", "split") if entry.get(key))
            yield f"{role}: {entry['name']}{part}", f"commit {entry['commit']}"


def numbers() -> dict[str, dict[str, Any]]:
    """Counts of rows, tokens and parameters from the earlier stages, for the report."""
    names = ("data", "train", "baseline", "generate")
    data, train, baseline, generate = (read_json(Path(f"metrics/{name}.json")) for name in names)
    answered = {**baseline, **generate}
    return {
        "Data": {"rows to train on": data["rows"]["train"], "rows to validate": data["rows"]["validation"]}
        | {f"dropped, {reason.replace('_', ' ')}": count for reason, count in data["dropped"].items()},
        **({"From the Hub": dict(on_the_hub(data))} if "hub" in data else {}),
        "Training": {name.replace("_", " "): in_words(value) for name, value in page.flat(train).items()},
        "Responses": {
            f"{name}: {what}": f"{answered[name][key]:{shown}}"
            for name in ("base", "tuned")
            for what, key, shown in (
                ("new tokens", "new_tokens", ","),
                ("cut at the limit", "share_cut", ".0%"),
                ("repeating themselves", "share_looping", ".0%"),
            )
        }
        | {"base: asked": "in its chat template" if baseline["base_template"] == "chat" else "with the bare prompt"},
    }


if __name__ == "__main__":
    run(without_arguments(main), lock="ifeval")
