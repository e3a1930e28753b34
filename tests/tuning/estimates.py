"""Experiments whose memory is estimated."""

import json


def changed(params, kind, **train):
    """A copy of the values that trains with this kind of adapter."""
    values = json.loads(json.dumps(params))
    values["lora"]["enabled"] = kind in ("lora", "4-bit")
    values["prompt_tuning"]["enabled"] = kind == "prompt"
    values["quantization"].update(enabled=kind == "4-bit", bnb_4bit_compute_dtype="float32")
    options = {"max_steps": 2, "eval_strategy": "no", "eval_on_start": False, "save_strategy": "no", "bf16": False}
    values["train"].update(options, max_length=None, **train)
    return values
