"""Compares the memory and the arithmetic that a run was estimated to need with what it took."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tuning.config.params import Params, read_params
from tuning.core.command import run, without_arguments
from tuning.core.errors import doing
from tuning.core.files import check_outputs, read_json, write_bytes, write_json
from tuning.memory import flops, printed_estimate
from tuning.memory.estimator import CannotEstimate, Estimator, Memory
from tuning.memory.known_models import configuration
from tuning.memory.preflight import batch_size
from tuning.memory.run import Run
from tuning.model.adapters import adapter_spec
from tuning.model.commits import pinned
from tuning.model.model_spec import model_spec

TRAIN, GENERATE = Path("metrics/train.json"), Path("metrics/generate.json")
MEASURED = Path("metrics/measured")
METRICS = Path("metrics/resources.json")
PARTS = Path("metrics/resources.csv")


def main() -> None:
    from tuning.training.trainer import training_config

    params = pinned(read_params())
    check_outputs(files=[METRICS, PARTS])
    train, generated, measured = read_json(TRAIN), read_json(GENERATE), measurements()
    spec = model_spec(params, configuration(params))
    adapter = adapter_spec(params)
    run = Run(spec, adapter, training_config(params, spec, adapter, Path()))
    model = Estimator(run.with_training(**measured["train"]["auto"]))
    with doing(f"estimating the memory of {params.model}"):
        estimated = estimates(model, params, train, generated, measured)
    rows = train["steps"] * batch_size(model.run.training)
    result = {"parameters": model.weights.parameters, "trainable_parameters": model.trained.parameters}
    result |= {name: compared(memory, measured[name]) for name, memory in estimated.items()}
    for name, part in measured.items():
        result.setdefault(name, {})["measured"] = part
    result["train"] |= flops.report(model, train, measured["train"], rows)
    write_json(METRICS, result)
    write_bytes(PARTS, parts(estimated))
    print("\n".join(report(estimated, result)))


def estimates(
    model: Estimator, params: Params, train: dict[str, Any], generated: dict[str, Any], measured: dict[str, Any]
) -> dict[str, Memory]:
    """What each stage should have taken, as far as it can be estimated; arguments are files of metrics."""
    try:
        found = {"train": training(model, train, measured["train"])}
        if measured["generate_tuned"]["peak_memory_bytes"] is not None:  # it is None where a server answered
            found["generate_tuned"] = generation(model, params, generated, measured["generate_tuned"])
        return found
    except CannotEstimate as error:
        print(error)
        return {}


def training(model: Estimator, train: dict[str, Any], measured: dict[str, Any]) -> Memory:
    """What training should have taken; arguments are metrics/train.json and metrics/measured/train.json."""
    found = model.training(model.run.training.per_device_train_batch_size, train["longest_row_tokens"])
    return found if measured["keeps_freed_memory"] else replace(found, kept=0)


def generation(model: Estimator, params: Params, generated: dict[str, Any], measured: dict[str, Any]) -> Memory:
    """What answering should have taken; metrics are metrics/generate.json and metrics/measured/generate.json."""
    at_once = min(measured["batch_size"], generated["tuned"]["responses"])
    new_tokens = params.generation.arguments["max_new_tokens"]
    return model.generation(at_once, generated["longest_prompt_tokens"], new_tokens)


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


if __name__ == "__main__":
    run(without_arguments(main), lock="resources")
