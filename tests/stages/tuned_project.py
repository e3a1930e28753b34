"""A project in whose working directory a tiny model has been trained and scored."""

import json
import subprocess
import sys
from pathlib import Path

import torch
import yaml

from ifeval import scoring
from ifeval.instructions import build
from ifeval.records import Prompt
from tests import loading, tiny
from tuning.model import adapters

PROMPTS = [Prompt(key, "Say hello.", [build("punctuation:no_comma", {})]) for key in range(1, 5)]


def make(tiny_model: Path) -> dict:
    """Makes it in the working directory; the values of its params.yaml."""
    Path("models/base").mkdir(parents=True)
    Path("models/base/tiny").symlink_to(tiny_model)
    params = tiny.params("models/base/tiny", "tatsu-lab/alpaca", "google/IFEval")
    write(params)
    train(params)
    texts = (dict.fromkeys(range(1, 5), "a, b"), {1: "a, b", 2: "c", 3: "d", 4: "e"})
    base, tuned = (scoring.judge_all(PROMPTS, responses) for responses in texts)
    scores = {"base": scoring.score(base), "tuned": scoring.score(tuned), "difference": scoring.difference(base, tuned)}
    for path, value in (
        ("data/report/scores.json", scores),
        ("metrics/train.json", {"steps": 4, "tokens": 1234, "validation_loss": 2.5, "validation_loss_before": 3.0}),
    ):
        Path(path).parent.mkdir(parents=True)
        Path(path).write_text(json.dumps(value))
    return params


def write(params):
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def train(params):
    """An adapter that changes what the model says."""
    torch.manual_seed(0)
    model = loading.adapted(params)
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "prompt_encoder" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    adapters.ADAPTER.mkdir(parents=True, exist_ok=True)
    loading.save(model, adapters.ADAPTER, params)
    loading.tokenizer(params).save_pretrained(adapters.ADAPTER)


def stage(name, *arguments, text=None):
    environment = {"PYTHONPATH": str(tiny.ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"stages.{name}", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, env=environment)
