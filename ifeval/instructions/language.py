"""The language of the whole response."""

import random

from ifeval.instructions.base import LETTERS, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.wordings import response_language
from ifeval.language_detection import languages
from ifeval.parameters import choice
from ifeval.text import Text

# The languages of the benchmark, by langdetect's codes.
_NAMES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "de": "German", "en": "English", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fr": "French", "gu": "Gujarati", "he": "Hebrew", "hi": "Hindi",
    "it": "Italian", "ja": "Japanese", "kn": "Kannada", "ko": "Korean", "ml": "Malayalam", "mr": "Marathi",
    "ne": "Nepali", "pa": "Punjabi", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "sw": "Swahili",
    "ta": "Tamil", "te": "Telugu", "th": "Thai", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
}  # fmt: skip


@register
class ResponseLanguage(Instruction):
    """langdetect gives the response's language this code."""

    id = "language:response_language"
    parameters = {"language": choice(languages(), "fr")}
    layer = Layer.COUNTS
    claims = (LETTERS,)
    wordings = response_language.WORDINGS

    def judge(self, text: Text) -> Verdict:
        if text.language is None:  # the official checker passes what has no language
            return Verdict(True, f"nothing to detect a language by, which counts as {self.language!r}")
        return Verdict(text.language == self.language, f"detected {text.language!r}, {self.language!r} asked")

    def shown(self) -> dict[str, str]:
        return {"language": _NAMES.get(self.language, f"the language with the code {self.language}")}

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Asks for the language that it is in."""
        language = Text(text).language
        return (text, {"language": language}) if language in _NAMES else None
