"""Values of params.yaml that are ``auto`` and follow from the evaluation prompts.

IFEval's protocol allows 1,280 new tokens. The starter prompts are answered with 192, so that a CPU can answer them, and
the second set of them, which asks for up to 400 words, with 512. The rows to train on are cut to fit the short answers:
uncut rows would teach answers that the evaluation cuts off, and cut rows would teach brevity to a model that may write
at length.
"""

import copy
import os
from typing import Any

from tuning.config.references import split

PROTOCOL, UNSEEN = "google/IFEval", "data/starter/prompts_unseen.jsonl"

_SHORT = {("generation", "max_new_tokens"): 192, ("data", "instructions", "max_words"): 60,
          ("data", "instructions", "short"): 0.9}  # fmt: skip
_LONG = {("generation", "max_new_tokens"): 1280, ("data", "instructions", "max_words"): None,
         ("data", "instructions", "short"): 0.0}  # fmt: skip
_BY_PROMPTS = {PROTOCOL: _LONG, UNSEEN: _SHORT | {("generation", "max_new_tokens"): 512}}


def resolved(values: dict[str, Any]) -> dict[str, Any]:
    """The values with each ``auto`` that follows from the evaluation prompts replaced.

    Args:
        values: of params.yaml, checked.
    """
    values = copy.deepcopy(values)
    prompts = os.path.relpath(split(values["ifeval"]["prompts"])[0] or ".")  # a file may be named by another path too
    for path, value in _BY_PROMPTS.get(prompts, _SHORT).items():
        *sections, key = path
        section = values
        for name in sections:
            section = section[name]
        if section.get(key) == "auto":
            section[key] = value
    return values
