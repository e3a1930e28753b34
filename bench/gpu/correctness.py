"""Correctness: the device against the CPU, 4-bit adapters through a file, and a run that is killed and resumed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import torch

from bench.gpu import small, worker
from bench.gpu.models import Bench, free
from bench.gpu.results import Results
from tests.tiny import ROOT
from tuning.core.files import fingerprint
from tuning.model.adapters import load_tuned, save_adapter


def run(bench: Bench) -> None:
    """The three checks; what runs in processes of its own is started first."""
    results, folder = Results(bench.out / "correctness.json"), bench.out / "unfinished/correctness"
    shutil.rmtree(folder, ignore_errors=True)
    model = small.save_model(folder / "model")
    on_cpu = started("losses", model, folder / "cpu", CUDA_VISIBLE_DEVICES="")
    killed = started("killed", model, folder / "resumed")
    results.add(four_bits(model, folder))
    free()
    mine = worker.measured(model, folder / "device")
    results.add(against_cpu(mine, on_cpu, folder / "cpu"))
    free()
    results.add(resumed(model, folder, killed))


def started(work: str, model: Path, folder: Path, **environment: str) -> subprocess.Popen:
    """A process that does the work in this folder."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", "bench.gpu.worker", work, str(model), str(folder)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment})


def against_cpu(mine: dict[str, list], process: subprocess.Popen, folder: Path) -> dict[str, Any]:
    """How far the losses of device and CPU are apart, and how many greedy texts are equal."""
    if code := process.wait():
        return {"check": "device against CPU", "failed": f"the process on the CPU ended with {code}"}
    theirs = json.loads((folder / "losses.json").read_text())
    apart = max(abs(one - other) for one, other in zip(mine["losses"], theirs["losses"], strict=True))
    equal = sum(one == other for one, other in zip(mine["texts"], theirs["texts"], strict=True))
    return {
        "check": "device against CPU",
        "steps": len(mine["losses"]),
        "largest_difference_of_losses": apart,
        "equal_texts": equal,
        "texts": len(mine["texts"]),
        "passed": apart <= 1e-4 and equal == len(mine["texts"]),
    }


def four_bits(model: Path, folder: Path) -> dict[str, Any]:
    """Whether an adapter that was trained beside 4-bit weights answers the same after it was saved and loaded."""
    experiment = small.experiment(model, folder / "four", "4 bits", learning_rate=1e-2)
    trainer, run = experiment.train(), experiment.run
    before = small.texts(trainer.model)
    save_adapter(trainer.model, folder / "four/adapter", run.model, run.adapter)
    after = small.texts(load_tuned(run.model, run.adapter, folder / "four/adapter"))
    equal = sum(one == other for one, other in zip(before, after, strict=True))
    # It was trained in bfloat16 and is loaded in float32: where two tokens are nearly as likely, a text may differ.
    return {
        "check": "4-bit adapter saved and loaded",
        "losses": [round(loss, 4) for loss in small.losses(trainer)],
        "equal_texts": equal,
        "texts": len(before),
        "passed": equal > len(before) // 2,
    }


def resumed(model: Path, folder: Path, process: subprocess.Popen) -> dict[str, Any]:
    """Whether a run that was killed and resumed ends with the bytes of one that was not; and what is not repeatable."""
    check = {"check": "resume after SIGKILL"}
    if (code := process.wait()) != -signal.SIGKILL:
        return {**check, "failed": f"the process ended with {code} instead of being killed"}
    worker.repeatable()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = {name: trained(model, folder / name) for name in ("resumed", "whole")}
    torch.use_deterministic_algorithms(False)
    said = {str(each.message).split(".")[0] for each in caught if "deterministic" in str(each.message)}
    return {
        **check,
        "resumed_from_step": found["resumed"][1],
        "not_deterministic": sorted(said),
        "passed": found["resumed"][0] == found["whole"][0] and found["resumed"][1] > 0,
    }


def trained(model: Path, folder: Path) -> tuple[str, int]:
    """The fingerprint of the adapter after the last step, and the step that training went on from."""
    experiment = small.experiment(model, folder)
    found = [int(path.name.split("-")[1]) for path in folder.glob("checkpoint-*")]
    trainer, run = experiment.train(), experiment.run
    save_adapter(trainer.model, folder / "adapter", run.model, run.adapter)
    return fingerprint(folder / "adapter"), max(found, default=0)
