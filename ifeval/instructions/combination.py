"""Responses made of two parts."""

import random

from ifeval.instructions.base import ARRANGES, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import plural
from ifeval.instructions.wordings import repeat_prompt, two_responses
from ifeval.parameters import text
from ifeval.text import Text


@register
class TwoResponses(Instruction):
    """Two different responses divided by six asterisks."""

    id = "combination:two_responses"
    layer = Layer.ARRANGEMENT
    claims = (ARRANGES,)
    conflicts = {"combination:repeat_prompt": "the request is said once, the answer twice"}
    wordings = two_responses.WORDINGS

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

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """This answer and another."""
        if not around.other or around.other.strip() == text or "***" in text + around.other:
            return None
        return f"{text}\n\n******\n\n{around.other.strip()}", {}


@register
class RepeatPrompt(Instruction):
    """The response starts with the request, word for word, in any case."""

    id = "combination:repeat_prompt"
    parameters = {"prompt_to_repeat": text("Name a colour that goes well with blue.")}
    layer = Layer.WRAPPING
    holds_task = True
    wordings = repeat_prompt.WORDINGS

    def judge(self, text: Text) -> Verdict:
        followed = text.stripped.lower().startswith(self.prompt_to_repeat.strip().lower())
        return Verdict(followed, f"the response {'starts' if followed else 'does not start'} with the request")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """The task first."""
        if not around.task or not around.task.strip():
            return None
        return f"{around.task.strip()}\n\n{text}", {"prompt_to_repeat": around.task.strip()}
