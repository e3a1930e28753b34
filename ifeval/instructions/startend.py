"""How the response starts and ends."""

from ifeval.instruction import Instruction, Verdict, register
from ifeval.parameters import text
from ifeval.text import Text


@register
class EndChecker(Instruction):
    """The response ends with exactly this phrase, in any case; quotation marks around the whole are ignored."""

    id = "startend:end_checker"
    parameters = {"end_phrase": text("That is all I know.")}

    def impossible(self) -> str | None:
        if self.end_phrase.strip().endswith('"'):
            return f"no response can end with {self.end_phrase!r}: quotation marks at its end are ignored"
        return None

    def judge(self, text: Text) -> Verdict:
        phrase = self.end_phrase.strip()
        ending = text.stripped.strip('"').lower()
        if ending.endswith(phrase.lower()):
            return Verdict(True, f"ends with {phrase!r}")
        return Verdict(False, f"ends with {ending[-max(20, len(phrase)) :]!r}, {phrase!r} asked")


@register
class Quotation(Instruction):
    """The whole response is in straight double quotation marks."""

    id = "startend:quotation"

    def judge(self, text: Text) -> Verdict:
        response = text.stripped
        followed = len(response) > 1 and response[0] == response[-1] == '"'
        if followed:
            return Verdict(True, "in double quotation marks")
        return Verdict(False, f"starts with {response[:1]!r} and ends with {response[-1:]!r}, '\"' and '\"' asked")
