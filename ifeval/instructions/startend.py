"""How the response starts and ends."""

import random

from ifeval.instructions.base import ENDS, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.wordings import end_checker, quotation
from ifeval.parameters import shown, text
from ifeval.prose import is_plain, sentences
from ifeval.text import Text

_ENDINGS = (
    "I hope this helps.",
    "That is all there is to it.",
    "Let me know how it goes.",
    "Good luck with it!",
    "Is there anything else?",
    "And that is the whole story.",
    "More on this another time.",
    "Does this answer your question?",
    "Take what you need from it.",
    "So much for today.",
    "Try it and see.",
    "The rest is up to you.",
    "Ask me if anything is unclear.",
    "Thank you for reading.",
    "Now it is your turn.",
    "Nothing more needs to be said.",
    "Who would have thought it?",
    "Remember the first step.",
    "That was the short version.",
    "Sleep on it.",
    "All beginnings are hard.",
    "See for yourself.",
    "You will know when you get there.",
    "What would you do?",
    "Better late than never.",
    "It pays to be patient.",
    "Here ends the lesson.",
    "Tell a friend about it.",
    "Small steps count.",
    "Keep this page for later.",
)


@register
class EndChecker(Instruction):
    """The response ends with exactly this phrase, in any case; quotation marks around the whole are ignored."""

    id = "startend:end_checker"
    parameters = {"end_phrase": text("That is all I know.")}
    layer = Layer.WORDS
    claims = (ENDS,)
    wordings = end_checker.WORDINGS

    def impossible(self) -> str | None:
        if self.end_phrase.strip().endswith('"'):
            return f"no response can end with {shown(self.end_phrase)}: quotation marks at its end are ignored"
        return None

    def judge(self, text: Text) -> Verdict:
        phrase = self.end_phrase.strip()
        ending = text.stripped.strip('"').lower()
        if ending.endswith(phrase.lower()):
            return Verdict(True, f"ends with {phrase!r}")
        return Verdict(False, f"ends with {ending[-max(20, len(phrase)) :]!r}, {phrase!r} asked")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Asks for the sentence that is there, or adds a phrase at the end."""
        parts = sentences(text)
        if rng.random() < 0.6:
            fits = len(parts) > 1 and len(parts[-1]) < 80 and '"' not in parts[-1]
            return (text, {"end_phrase": parts[-1]}) if fits else None
        phrase = rng.choice(_ENDINGS)
        return f"{text}{' ' if is_plain(text) else chr(10) * 2}{phrase}", {"end_phrase": phrase}


@register
class Quotation(Instruction):
    """The whole response is in straight double quotation marks."""

    id = "startend:quotation"
    layer = Layer.WRAPPING
    wordings = quotation.WORDINGS

    def judge(self, text: Text) -> Verdict:
        response = text.stripped
        followed = len(response) > 1 and response[0] == response[-1] == '"'
        if followed:
            return Verdict(True, "in double quotation marks")
        return Verdict(False, f"starts with {response[:1]!r} and ends with {response[-1:]!r}, '\"' and '\"' asked")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Double quotation marks around it; those inside become single ones."""
        return '"' + text.replace('"', "'") + '"', {}
