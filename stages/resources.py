"""What the run should need, from the model's configuration, next to what train and generate used.

    python -m stages.resources --estimate [-S key=value ...] [--device cuda]

prints the estimate before anything has run: by part, what fits GPUs of common sizes, and what to change where
training does not fit the device that is here.
"""

import argparse
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuning.config import overrides
from tuning.config.params import read_params
from tuning.core.errors import UserError, run
from tuning.core.files import read_json, write_bytes, write_json
from tuning.memory import flops, printed_estimate
from tuning.memory.estimator import CannotEstimate, Memory, Model
from tuning.memory.preflight import batch_size

TRAIN, GENERATE = Path("metrics/train.json"), Path("metrics/generate.json")
MEASURED = Path("metrics/measured")
METRICS = Path("metrics/resources.json")
PARTS = Path("metrics/resources.csv")


def main() -> None:
    params = read_params(
        "model", "tokenizer", "model_config", "quantization", "lora", "prompt_tuning", "train", "generation"
    )
    train, generated, measured = read_json(TRAIN), read_json(GENERATE), measurements()
    model = Model(params)
    try:
        estimated = estimates(model, train, generated, measured)
    except CannotEstimate as error:
        print(error)
        estimated = {}
    rows = train["steps"] * batch_size(params["train"])
    result = {"parameters": model.weights.parameters, "trainable_parameters": model.trained.parameters}
    result |= {name: compared(memory, measured[name]) for name, memory in estimated.items()}
    for name, part in measured.items():
        result.setdefault(name, {})["measured"] = part
    result["train"] |= flops.report(model, train, measured["train"], rows)
    write_json(METRICS, result)
    write_bytes(PARTS, parts(estimated))
    print("\n".join(report(estimated, result)))


def estimates(model: Model, train: dict, generated: dict, measured: dict) -> dict[str, Memory]:
    """What training, and answering with the tuned model unless a server did, should have taken.

    Args:
        train, generated: metrics/train.json and metrics/generate.json.
        measured: by stage.
    """
    at_once = model.params["train"].get("per_device_train_batch_size", 8)
    found = {"train": model.training(at_once, train["longest_row_tokens"])}
    if not measured["train"]["keeps_freed_memory"]:
        found["train"] = replace(found["train"], kept=0)
    tuned = measured["generate_tuned"]
    if tuned["peak_memory_bytes"] is not None:
        at_once = min(tuned["batch_size"], generated["tuned"]["responses"])
        new_tokens = model.params["generation"]["max_new_tokens"]
        found["generate_tuned"] = model.generation(at_once, generated["longest_prompt_tokens"], new_tokens)
    return found


def measurements() -> dict[str, Any]:
    """Peak memory, seconds and tokens per second of train, and of generate with the base and the tuned model."""
    names = {"train": "train", "generate_base": "baseline", "generate_tuned": "generate"}
    return {name: read_json(MEASURED / f"{stage}.json") for name, stage in names.items()}


def compared(estimated: Memory, measured: dict[str, Any]) -> dict[str, Any]:
    """The estimate by part, in bytes, and its relative error."""
    error = estimated.total / measured["peak_memory_bytes"] - 1
    return {"estimated": {**vars(estimated), "total": estimated.total}, "relative_error": error}


def parts(estimated: dict[str, Memory]) -> bytes:
    """The estimates by part, in GiB, as CSV for ``dvc plots``."""
    lines = [
        f"{name.replace('_', ' ')},{part},{size / 2**30:.4f}"
        for name, memory in estimated.items()
        for part, size in vars(memory).items()
    ]
    return "\n".join(["stage,part,gib", *lines, ""]).encode()


def report(estimated: dict[str, Memory], result: dict[str, Any]) -> list[str]:
    """The same for people."""
    lines = []
    if estimated:
        lines = [f"{'MiB':<14}" + "".join(f"{name.replace('_', ' '):>16}" for name in estimated)]
        lines += printed_estimate.table(*estimated.values(), width=16)
        measured = [result[name]["measured"]["peak_memory_bytes"] / printed_estimate.MIB for name in estimated]
        lines.append(f"{'measured':<14}" + "".join(f"{peak:>16,.0f}" for peak in measured))
        lines.append(f"{'error':<14}" + "".join(f"{result[name]['relative_error']:>16.1%}" for name in estimated))
    train = result["train"]
    share = train["share_of_matrix_product_rate"]
    lines.append(
        f"training: {train['flops'] / 1e12:,.1f} TFLOP at {train['flops_per_second'] / 1e9:,.1f} GFLOP/s, "
        f"{share:.0%} of what matrix products reach here"
    )
    return lines


def estimate(arguments) -> None:
    """Prints the estimate of params.yaml with the changes."""
    params = overrides.apply(arguments.set_param)
    warnings.simplefilter("ignore")  # what libraries tell each other
    try:
        print(printed_estimate.show(params, arguments.device))
    except CannotEstimate as error:
        raise UserError(str(error)) from error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimate", action="store_true", help="print what a run would need, and run nothing")
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), help="the kind of device to estimate for")
    parsed = parser.parse_args()
    run((lambda: estimate(parsed)) if parsed.estimate else main)
