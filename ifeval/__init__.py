"""IFEval: does a response follow the verifiable instructions of its prompt?

A re-implementation of the benchmark of Zhou et al. 2023, "Instruction-Following Evaluation for
Large Language Models" (arXiv 2311.07911): 25 instruction types, strict and loose, at prompt and
instruction level. It needs neither torch nor transformers, and nothing is imported before it is used.

    >>> from ifeval import build
    >>> build("punctuation:no_comma").check("No commas here.")
    True

The command line is ``python -m ifeval``, or ``ifeval`` once it is installed; see ``ifeval.cli``.
"""

import importlib

_HOMES = {
    "INSTRUCTIONS": "instructions",
    "Instruction": "instructions",
    "InstructionError": "parameters",
    "Judgement": "scoring",
    "RecordError": "jsonl",
    "Text": "text",
    "Verdict": "instructions.base",
    "ask": "wording",
    "build": "instructions",
    "describe": "wording",
    "difference": "scoring",
    "impose": "imposing",
    "judge": "scoring",
    "judge_all": "scoring",
    "loose_variants": "text",
    "read_prompts": "records",
    "read_responses": "records",
    "score": "scoring",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'ifeval' has no attribute {name!r}")
    return getattr(importlib.import_module(f"ifeval.{_HOMES[name]}"), name)
