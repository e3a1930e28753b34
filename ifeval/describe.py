"""Asking for an instruction in words, and putting such words around a task."""

import random

from ifeval.instruction import Instruction
from ifeval.wordings import WORDINGS

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
# The languages of the benchmark, by langdetect's codes.
LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "de": "German", "en": "English", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi",
    "it": "Italian", "ja": "Japanese", "kn": "Kannada", "ko": "Korean", "ml": "Malayalam", "mr": "Marathi",
    "ne": "Nepali", "pa": "Punjabi", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sw": "Swahili",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
}  # fmt: skip


class _Count(int):
    """Formats as a number with its noun; small ones sometimes as a word."""

    as_word = False

    def __format__(self, noun: str) -> str:
        number = _NUMBERS[self] if self.as_word and self < len(_NUMBERS) else str(int(self))
        if not noun:
            return number
        plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
        return f"{number} {noun if self == 1 else plural}"


class _Words(list):
    """Formats as an enumeration, in quotation marks or without."""

    def __format__(self, kind: str) -> str:
        words = [f"'{word}'" for word in self] if kind == "quoted" else list(self)
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


class _Language(str):
    def __format__(self, kind: str) -> str:
        return LANGUAGES.get(self, f"the language with the code {self!s}")


def describe(instruction: Instruction, rng: random.Random) -> str:
    """A sentence that asks for the instruction, or a frame with ``{task}`` in it."""
    wordings = WORDINGS[instruction.id]
    if isinstance(wordings, dict):
        relation = next(value for name, value in instruction.kwargs.items() if name.endswith("relation"))
        wordings = wordings[relation]
    as_word = rng.random() < 0.3
    values = {name: _shown(name, value, as_word) for name, value in instruction.kwargs.items()}
    wording = rng.choice(wordings)
    asked = wording.format(**values, task="{task}")
    return asked[0].upper() + asked[1:] if wording.startswith("{num_") else asked


def _shown(name: str, value, as_word: bool):
    if isinstance(value, int):
        count = _Count(value)
        count.as_word = as_word
        return count
    if isinstance(value, list):
        return _Words(value)
    return _Language(value) if name == "language" else value


def ask(task: str, instructions: list[Instruction], rng: random.Random) -> str:
    """The task with what is asked of the answer's form: mostly after it, sometimes before it or around it.

    Args:
        task: what to answer. Of an instruction that repeats it, the wording holds the task itself.
    """
    framed, sentences = task, []
    for instruction in instructions:
        wording = describe(instruction, rng)
        if instruction.id == "combination:repeat_prompt":
            framed = wording
        elif "{task}" in wording:
            framed = wording.replace("{task}", framed)
        else:
            sentences.append(wording)
    rng.shuffle(sentences)
    joined = " ".join(sentences)
    if not joined:
        return framed
    if rng.random() < 0.2:
        return f"{joined}\n\n{framed}" if "\n" in framed or rng.random() < 0.5 else f"{joined} {framed}"
    return f"{framed}\n\n{joined}" if "\n" in framed or rng.random() < 0.3 else f"{framed} {joined}"
