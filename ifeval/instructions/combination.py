"""Responses made of two parts."""

from ifeval.instruction import Instruction, Verdict, plural, register
from ifeval.parameters import text
from ifeval.text import Text


@register
class TwoResponses(Instruction):
    """Two different responses divided by six asterisks."""

    id = "combination:two_responses"

    def judge(self, text: Text) -> Verdict:
        pieces = [piece.strip() for piece in text.raw.split("******")]
        if not all(pieces[1:-1]):
            return Verdict(False, "nothing between two '******' dividers")
        responses = [piece for piece in pieces if piece]
        if len(responses) != 2:
            return Verdict(False, f"{plural(len(responses), 'response')} divided by '******' found, 2 asked")
        if responses[0] == responses[1]:
            return Verdict(False, "the two responses are the same")
        return Verdict(True, "two different responses found")


@register
class RepeatPrompt(Instruction):
    """The response starts with the request, word for word, in any case."""

    id = "combination:repeat_prompt"
    parameters = {"prompt_to_repeat": text("Name a colour that goes well with blue.")}

    def judge(self, text: Text) -> Verdict:
        followed = text.stripped.lower().startswith(self.prompt_to_repeat.strip().lower())
        return Verdict(followed, f"the response {'starts' if followed else 'does not start'} with the request")
