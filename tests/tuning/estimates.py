"""Experiments whose memory is estimated."""

import copy

from stages.estimate import run_on
from tests.tiny import checked
from tuning.memory.estimator import Estimator


def changed(params: dict, kind: str, **train) -> dict:
    """A copy of the values that trains with this kind of adapter, or the full model, one batch to a step."""
    values = copy.deepcopy(params)
    values["full_finetuning"] = kind == "full"
    values["lora"]["enabled"] = kind in ("lora", "4-bit")
    values["prompt_tuning"]["enabled"] = kind == "prompt"
    values["quantization"].update(enabled=kind == "4-bit", bnb_4bit_compute_dtype="float32")
    options = {"max_steps": 2, "eval_strategy": "no", "eval_on_start": False, "save_strategy": "no", "bf16": False}
    values["train"].update(options | {"max_length": None, "gradient_accumulation_steps": 1} | train)
    return values


def estimator(values: dict, device: str | None = "cpu") -> Estimator:
    """The memory of the run that the values describe, on a kind of device; None: the one that is here."""
    return Estimator(run_on(checked(values), device))
