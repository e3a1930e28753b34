"""The official scorer, as lm-eval carries it, made deterministic so that verdicts can be compared.

Known exceptions, in which it is not followed:

- ``keywords:letter_frequency`` with a character that is not a to z: the official code draws a random
  letter when the checker is built; here the character is counted as it stands. It crashes at U+0130, whose
  small form is two characters; here none is found, since its check counts single characters.
- ``detectable_format:json_format`` with very deep nesting: the official code crashes with a
  RecursionError; here that is not followed.
- A threshold of 0: lm-eval drops it as a falsy value and draws a random one; here 0 means 0.
- kwargs that no response can satisfy are refused here when the instruction is built.
- A language that langdetect knows and the official list of 30 lacks: the official code crashes.
- A pattern that is not a valid regular expression, by itself or as the checker strips it and makes it small,
  crashes the official code; here it is refused.
- A blank word or phrase, such as the keyword " " or the end phrase " ", and a pattern that is valid only
  within the checker's own one, such as the postscript marker "?PS", are refused here.
"""

import langdetect.detector_factory
from lm_eval.tasks.ifeval import utils

from ifeval import language_detection

# One factory for both: seeded, with its profiles in the same order.
langdetect.detector_factory._factory = language_detection._profiles().factory


def verdicts(ids: list[str], kwargs: list[dict], response: str) -> tuple[list[bool], list[bool]]:
    """Strict and loose verdicts of the official scorer, an instruction each."""
    row = utils.InputExample(key=0, instruction_id_list=ids, prompt="", kwargs=kwargs)
    strict = utils.test_instruction_following_strict(row, response)
    loose = utils.test_instruction_following_loose(row, response)
    return strict.follow_instruction_list, loose.follow_instruction_list
