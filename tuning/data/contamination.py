"""Do training prompts repeat evaluation prompts? Exactly, after normalisation, or in a run of eight words.

Eight-grams are the smallest that Brown et al. 2020 (GPT-3, appendix C) use to look for overlap with benchmarks.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

N = 8


@dataclass(frozen=True)
class Match:
    """A training row that overlaps an evaluation prompt."""

    row: int
    key: int | str
    kind: str  # "exact" or "8-gram"
    words: str


def words(text: str) -> list[str]:
    """The words of a text, with case, Unicode form, punctuation and white space normalised away."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def said(prompt: list[dict[str, str]]) -> str:
    """What the user says in a conversation."""
    return "\n".join(turn["content"] for turn in prompt if turn["role"] == "user")


def find(prompts: Iterable[str], evaluation: Iterable[tuple[int | str, str]]) -> list[Match]:
    """The first overlap of each training prompt, in the order of the prompts.

    Args:
        prompts: what the user says in each training row.
        evaluation: key and text of each evaluation prompt.
    """
    whole: dict[str, int | str] = {}
    grams: dict[str, int | str] = {}
    for key, text in evaluation:
        found = words(text)
        whole.setdefault(" ".join(found), key)
        for gram in _grams(found):
            grams.setdefault(gram, key)
    matches = []
    for row, text in enumerate(prompts):
        found = words(text)
        if (joined := " ".join(found)) in whole:
            matches.append(Match(row, whole[joined], "exact", joined))
        elif gram := next((gram for gram in _grams(found) if gram in grams), None):
            matches.append(Match(row, grams[gram], f"{N}-gram", gram))
    return matches


def _grams(found: list[str]) -> list[str]:
    return [" ".join(found[start : start + N]) for start in range(len(found) - N + 1)]
