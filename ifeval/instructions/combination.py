"""Responses made of two parts."""

import random

from ifeval.instructions.base import ARRANGES, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import plural
from ifeval.parameters import text
from ifeval.text import Text


@register
class TwoResponses(Instruction):
    """Two different responses divided by six asterisks."""

    id = "combination:two_responses"
    layer = Layer.ARRANGEMENT
    claims = (ARRANGES,)
    conflicts = {"combination:repeat_prompt": "the request is said once, the answer twice"}
    wordings = (
        "Give two different answers with ****** between them.",
        "I would like two versions, divided by six asterisks: ******",
        "Answer twice, not in the same way, and set ****** between the answers.",
        "Offer two alternatives. The line between them is six asterisks (******).",
        "Two distinct replies, please; use ****** as the divider and nowhere else.",
        "{task} Do it in two ways, with ****** in the middle.",
        "Write one answer, then ******, then another that differs.",
        "Show me two options and part them with six stars, like this: ******",
    )

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
    wordings = (
        "Before you answer, say the request again word for word: {prompt_to_repeat}",
        "Start by copying this request exactly, then answer it: {prompt_to_repeat}",
        "{prompt_to_repeat}\n\nRepeat the request above without a change first. Only then reply.",
        "{prompt_to_repeat}\n\nYour reply begins with the sentence above, unchanged, and your answer follows.",
        "First echo the following line as it stands, with nothing before it, and then respond.\n\n{prompt_to_repeat}",
        "Open with an exact copy of the question, and give the answer below it.\n\n{prompt_to_repeat}",
        "{prompt_to_repeat}\n\n(Write this request down again first, literally, then the answer.)",
        "I need the task quoted literally at the top of your reply, followed by the reply itself: {prompt_to_repeat}",
    )

    def judge(self, text: Text) -> Verdict:
        followed = text.stripped.lower().startswith(self.prompt_to_repeat.strip().lower())
        return Verdict(followed, f"the response {'starts' if followed else 'does not start'} with the request")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """The task first."""
        if not around.task or not around.task.strip():
            return None
        return f"{around.task.strip()}\n\n{text}", {"prompt_to_repeat": around.task.strip()}
