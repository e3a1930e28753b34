"""The 25 instruction types, a module a family; importing this registers them all."""

from ifeval.instruction import INSTRUCTIONS, build
from ifeval.instructions import (
    change_case,
    combination,
    detectable_content,
    detectable_format,
    keywords,
    language,
    length_constraints,
    punctuation,
    startend,
)

__all__ = [
    "INSTRUCTIONS",
    "build",
    "change_case",
    "combination",
    "detectable_content",
    "detectable_format",
    "keywords",
    "language",
    "length_constraints",
    "punctuation",
    "startend",
]
