"""The language of the whole response."""

from ifeval.instruction import Instruction, Verdict, register
from ifeval.language_detection import languages
from ifeval.parameters import choice
from ifeval.text import Text


@register
class ResponseLanguage(Instruction):
    """langdetect gives the response's language this code."""

    id = "language:response_language"
    parameters = {"language": choice(languages(), "fr")}

    def judge(self, text: Text) -> Verdict:
        if text.language is None:  # the official checker passes what has no language
            return Verdict(True, f"nothing to detect a language by, which counts as {self.language!r}")
        return Verdict(text.language == self.language, f"detected {text.language!r}, {self.language!r} asked")
