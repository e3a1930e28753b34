"""The 25 instruction types, a file for each official family; importing this registers them all."""

import importlib

from ifeval.instructions.base import INSTRUCTIONS, Instruction, build, conflict

# Within a layer, types are imposed in the order of this list, and within a file in the order of their
# definition. Another order would give other training data for the same seed.
FAMILIES = (
    "length_constraints",
    "keywords",
    "language",
    "detectable_format",
    "detectable_content",
    "startend",
    "combination",
    "punctuation",
    "change_case",
)
for _family in FAMILIES:
    importlib.import_module(f"{__name__}.{_family}")

__all__ = ["INSTRUCTIONS", "Instruction", "build", "conflict"]
