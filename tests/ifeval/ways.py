"""Every way in which an instruction can be asked for."""

import random

from ifeval import describe


class Choosing(random.Random):
    """Chooses the wording at a place of their list, and writes numbers as words or in figures."""

    def __init__(self, place, as_word):
        super().__init__(0)
        self.place, self.as_word = place, as_word

    def choice(self, wordings):
        return wordings[self.place]

    def random(self):
        return 0.0 if self.as_word else 0.9


def every_way(instruction):
    """Each wording of the instruction, filled in."""
    held = instruction.wordings
    if isinstance(held, dict):
        held = held[next(value for name, value in instruction.kwargs.items() if name.endswith("relation"))]
    return [describe(instruction, Choosing(at, as_word)) for at in range(len(held)) for as_word in (False, True)]
