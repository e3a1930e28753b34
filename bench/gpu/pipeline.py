"""The pipeline: the stages one after another as ``dvc repro`` runs them, and a train that is killed and resumed.

The embedded model is used where it is set up, else, and with --tiny, a model of two layers with random weights.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from bench.gpu import small
from bench.gpu.models import Bench
from bench.gpu.results import Results
from tests.tiny import ROOT
from tuning.config.yaml_file import load
from tuning.core.files import fingerprint
from tuning.model.bundled_assets import MODEL

STAGES = ("prepare", "baseline", "train", "generate", "ifeval", "resources")
LONGER, STEPS = 60, 12  # of the first training of the pipeline, and of the run that is killed


def run(bench: Bench) -> None:
    """The pipeline in a folder of its own, then what its metrics say, then the killed run."""
    results, folder = Results(bench.out / "pipeline.json"), bench.out / "unfinished/pipeline"
    shutil.rmtree(folder, ignore_errors=True)
    model = ROOT / MODEL if not bench.tiny and (ROOT / MODEL / "config.json").is_file() else None
    experiment = load(ROOT / "params.yaml") | {"model": str(model or small.save_model(folder / "model"))}
    experiment["train"]["max_steps"] = bench.choose(LONGER, STEPS)
    if bench.tiny:
        experiment["train"]["bf16"] = False
        experiment["unlikelihood"].update(answers=16, answer_tokens=24)
        experiment["generation"].update(num_batches=1, batch_size=8, max_new_tokens=8)
    ends = time.monotonic() + bench.seconds
    lay_out(folder, experiment)
    for name in STAGES:
        found = stage(folder, ends, name)
        results.add({"stage": name, **found, **(told(folder, name) if "failed" not in found else {})})
        if "failed" in found:
            return
    results.add(resumed(folder, experiment, ends))
    for bits in (4, 8):
        results.add({"stage": f"baseline, {bits} bits", **quantized(folder, experiment, bits, ends)})


def lay_out(folder: Path, experiment: dict[str, Any]) -> None:
    """Lays out what the stages read."""
    for name in ("data/starter", "data/own"):
        shutil.copytree(ROOT / name, folder / name)
    write(folder, experiment)


def write(folder: Path, experiment: dict[str, Any]) -> None:
    """Makes this the folder's experiment."""
    (folder / "params.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False), encoding="utf-8")


def stage(folder: Path, ends: float, name: str, *module: str) -> dict[str, Any]:
    """Runs a stage, or the module that runs one, until ``ends`` at the most; its seconds, or why it failed.

    Args:
        name: of its log, and of the stage where no module is given.
        module: what follows ``python -m``.
    """
    command = (sys.executable, "-m", *(module or (f"stages.{name}",)))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    begun, log = time.monotonic(), folder / f"{name}.log"
    limit = max(1, ends - begun)
    with log.open("w") as file:
        try:
            output = {"stdout": file, "stderr": file}
            code = subprocess.run(command, cwd=folder, env=environment, timeout=limit, **output).returncode
        except subprocess.TimeoutExpired:
            code = "no end in time"
    if code:
        return {"failed": str(code), "log": log.read_text(encoding="utf-8", errors="replace")[-3000:]}
    return {"seconds": time.monotonic() - begun}


def told(folder: Path, name: str) -> dict[str, Any]:
    """What a stage's metrics say of it."""
    if name in ("baseline", "generate"):
        measured = json.loads((folder / f"metrics/measured/{name}.json").read_text())
        return {"tokens_per_second": measured["tokens_per_second"], "peak": measured["peak_memory_bytes"]}
    if name == "train":
        found = json.loads((folder / "metrics/train.json").read_text())
        measured = json.loads((folder / "metrics/measured/train.json").read_text())
        second = found.get("unlikelihood", {})
        return {
            "tokens": found["tokens"],
            "tokens_per_second": measured["tokens_per_second"],
            "peak": measured["peak_memory_bytes"],
            "batch": measured["auto"].get("per_device_train_batch_size"),
            "own_answers": second.get("answers"),
            "looping": second.get("looping"),
        }
    if name == "resources":
        found = json.loads((folder / "metrics/resources.json").read_text())
        return {
            "error": found["train"].get("relative_error"),
            "error_of_generate": found["generate_tuned"].get("relative_error"),
            "share_of_matrix_product_rate": found["train"].get("share_of_matrix_product_rate"),
        }
    if name == "ifeval":
        found = json.loads((folder / "metrics/ifeval.json").read_text())
        return {who: round(found[who]["prompt_level_strict_acc"], 4) for who in ("base", "tuned")}
    return {}


def resumed(folder: Path, experiment: dict[str, Any], ends: float) -> dict[str, Any]:
    """Whether a train that was killed in its second training, and resumed, ends with the bytes of one that was not."""
    experiment["train"].update(max_steps=STEPS, save_steps=2)
    experiment["unlikelihood"].update(answers=2 * STEPS)
    write(folder, experiment)
    check = {"stage": "train, killed in its second training"}
    whole = stage(folder, ends, "whole", "stages.train")
    if "failed" in whole:
        return {**check, **whole}
    expected = fingerprint(folder / "models/adapter")
    shutil.rmtree(folder / "models/adapter")
    killed = stage(folder, ends, "killed", "bench.gpu.worker", "killed-in-second")
    if killed.get("failed") != str(-signal.SIGKILL):
        return {**check, "failed": "it was not killed", "log": killed.get("log", "")}
    again = stage(folder, ends, "resumed", "stages.train")
    if "failed" in again:
        return {**check, **again}
    return {**check, "same_bytes": fingerprint(folder / "models/adapter") == expected}


def quantized(folder: Path, experiment: dict[str, Any], bits: int, ends: float) -> dict[str, Any]:
    """The base model's answers with weights of so many bits; and what the stage says of its engine."""
    quantization = {"enabled": True, "load_in_4bit": bits == 4, "load_in_8bit": bits == 8}
    write(folder, {**experiment, "quantization": {**experiment["quantization"], **quantization}})
    found = stage(folder, ends, "baseline")
    if "failed" in found:
        return found
    lines = dict.fromkeys((folder / "baseline.log").read_text().splitlines())
    said = [line for line in lines if line and "prompts/s" not in line and "MatMul8bitLt" not in line]
    return {**found, **told(folder, "baseline"), "said": " ".join(said)[-400:]}
