"""A prompt and its answer as far as it is written."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any


@dataclass(eq=False)
class Sequence:
    """What decoding knows of one prompt.

    Attributes:
        index: the prompt's number.
        prompt: its token ids.
        limit: new tokens at the most.
        choose: from the sequence and the logits of the next token, (1, vocabulary), that token; None takes
            the likeliest.
        stop: whether the answer ends with the token ids so far, other than by an end token; None never does.
        finish_reason: ``stop`` or ``length`` of a finished answer, whoever finished it; None of an open one.
    """

    index: int
    prompt: list[int]
    limit: int
    choose: Any = None
    stop: Any = None
    written: list[int] = field(default_factory=list)
    finish_reason: str | None = None

    def append(self, token: int, ends: set[int]) -> None:
        """Takes the next token, and notes whether it is the last."""
        self.written.append(token)
        if token in ends or (self.stop is not None and self.stop(self.prompt + self.written)):
            self.finish_reason = "stop"
        elif len(self.written) >= self.limit:
            self.finish_reason = "length"


def own_seed(seed: int, prompt: Any) -> int:
    """A seed of 31 bits that depends on the run's seed and one prompt, whatever its place and neighbours."""
    return int.from_bytes(sha256(f"{seed} {prompt}".encode()).digest()[:4], "big") >> 1
