"""FSDP and ZeRO-3 with one process: whether training starts, saves, and gathers what training without them gives."""

import importlib.util
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bench.gpu import small
from bench.gpu.models import Bench
from bench.gpu.results import Results
from tests.tiny import ROOT
from tuning.model.adapters import save_adapter

CONFIGS = {"fsdp": "accelerate", "zero3": "deepspeed"}  # each with the package that it needs


def run(bench: Bench) -> None:
    """Trains without sharding, then with each of the config files, and compares."""
    results, folder = Results(bench.out / "sharding.json"), bench.out / "unfinished/sharding"
    shutil.rmtree(folder, ignore_errors=True)
    ends = time.monotonic() + bench.seconds
    model = small.save_model(folder / "model")
    experiment = small.experiment(model, folder / "alone", **small.EXACT)
    trainer = experiment.train()
    save_adapter(trainer.model, folder / "alone/adapter", experiment.run.model, experiment.run.adapter)
    for name, package in CONFIGS.items():
        if importlib.util.find_spec(package):
            found = launched(name, model, folder, ends - time.monotonic())
        else:
            found = {"skipped": f"{package} is not installed"}
        results.add({"config": name, **found})


def launched(name: str, model: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """Trains under ``accelerate launch`` with one process."""
    config = str(ROOT / f"configs/accelerate/{name}.yaml")
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", config, "--num_processes", "1"]
    launch += ["--mixed_precision", "no"]  # as the training that it is compared with
    (folder / name).mkdir()
    command = [*launch, "-m", "bench.gpu.worker", "sharded", str(model), str(folder / name)]
    log = folder / name / "log.txt"
    with log.open("w") as file:
        try:
            code = subprocess.run(command, cwd=ROOT, stdout=file, stderr=file, timeout=max(1, seconds)).returncode
        except subprocess.TimeoutExpired:
            code = "no end in time"
    if code:
        return {"failed": str(code), "log": said(log.read_text())}
    found = json.loads((folder / name / "sharded.json").read_text())
    return {**found, **difference(folder / "alone/adapter", folder / name / "adapter")}


def said(log: str) -> str:
    """The end of what the process said before its launcher noticed that it had failed."""
    process = log.split("torch/distributed/run")[0]
    return process.split('Traceback (most recent call last):\n  File "<frozen runpy>')[0][-3000:]


def difference(one: Path, other: Path) -> dict[str, Any]:
    """Whether two adapters hold the same matrices, and the greatest difference of a number in them."""
    from safetensors.torch import load_file

    mine, theirs = (load_file(folder / "adapter_model.safetensors") for folder in (one, other))
    if mine.keys() != theirs.keys() or any(mine[name].shape != theirs[name].shape for name in mine):
        return {"same_matrices": False}
    apart = max(float((mine[name].float() - theirs[name].float()).abs().max()) for name in mine)
    return {"same_matrices": True, "largest_difference": apart}
