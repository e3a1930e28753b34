"""What the run should need, from the model's configuration, next to what train and generate used."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stages.lib.errors import run
from stages.lib.files import write_json
from stages.lib.memory import Estimate, estimate
from stages.lib.params import read_params

TRAIN, GENERATE = Path("metrics/train.json"), Path("metrics/generate.json")
MEASURED = Path("metrics/measured")
METRICS = Path("metrics/resources.json")


def main() -> None:
    params = read_params(
        "model", "tokenizer", "model_config", "quantization", "lora", "prompt_tuning", "train", "generation"
    )
    longest_row = json.loads(TRAIN.read_text())["longest_row_tokens"]
    generated, measured = json.loads(GENERATE.read_text()), measurements()
    at_once = min(measured["generate_tuned"]["batch_size"], generated["tuned"]["responses"])
    estimated = estimate(params, longest_row, generated["longest_prompt_tokens"], at_once)
    result = {"estimated": asdict(estimated), "expected": totals(estimated), "measured": measured}
    write_json(METRICS, result)
    print(table(result))


def totals(estimated: Estimate) -> dict[str, int]:
    """Bytes known before the run; the layers' activations and the framework come on top."""
    return {"training_bytes": estimated.training_bytes, "generation_bytes": estimated.generation_bytes}


def measurements() -> dict[str, Any]:
    """Peak memory, seconds and tokens per second of train, and of generate with the base and the tuned model."""
    names = {"train": "train", "generate_base": "baseline", "generate_tuned": "generate"}
    return {name: json.loads((MEASURED / f"{stage}.json").read_text()) for name, stage in names.items()}


def table(result: dict[str, Any]) -> str:
    """The same for people."""
    rows = {}
    for name, value in {**result["estimated"], **result["expected"]}.items():
        shown = f"{value / 2**20:,.1f} MiB" if name.endswith("_bytes") else f"{value:,}"
        rows[name.removesuffix("_bytes").replace("_", " ")] = shown
    for name, part in result["measured"].items():
        peak = part["peak_memory_bytes"]  # None where a server answered
        rows[f"measured peak, {name.replace('_', ' ')}"] = f"{peak / 2**20:,.1f} MiB" if peak else "unknown"
    return "\n".join(f"{name:<32}{shown:>16}" for name, shown in rows.items())


if __name__ == "__main__":
    run(main)
