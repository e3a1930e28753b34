"""The judgements on a model's responses, with its thoughts or without."""

import sys

from ifeval import scoring
from ifeval.records import Prompt
from ifeval.thoughts import has_thoughts, without_thoughts
from tuning.core.errors import doing


def verdicts(
    name: str, prompts: list[Prompt], responses: dict[int | str, str], strips: bool
) -> list[scoring.Judgement]:
    """A judgement for every instruction of every prompt.

    Args:
        name: of the model, for the warning that thoughts are judged too.
        responses: by prompt key.
        strips: ``generation.strip_thoughts``: whether responses are judged without thoughts.
    """
    if strips:
        responses = {key: without_thoughts(response) for key, response in responses.items()}
    elif thinking := sum(map(has_thoughts, responses.values())):
        print(
            f"warning: {thinking} of {len(responses)} {name} responses begin with thoughts, up to </think>, and are "
            "judged with them; 'generation.strip_thoughts' leaves them out",
            file=sys.stderr,
        )
    with doing("judging the responses"):
        return scoring.judge_all(prompts, responses)
