"""How prompts are answered, and a prompt with its answer as far as it is written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import GenerationConfig


@dataclass(frozen=True)
class Decoding:
    """How prompts are answered.

    Attributes:
        config: whatever ``generation`` gives, see ``generation_config``.
        batch_size: prompts at once, at the most; halved when memory runs out.
        seed: of sampling, where ``config`` samples; a prompt's sample depends on it and the prompt only.
        share: of several processes, this one's number and how many there are.
        say: called with each message for the user.
        tf32: whether float32 matrices are multiplied in TF32 where the device has it; greedy answers may then part from
            those of exact float32.
    """

    config: "GenerationConfig"
    batch_size: int
    seed: int
    share: tuple[int, int] = (0, 1)
    say: Callable[[str], None] = print
    tf32: bool = True


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
    said = f"{seed} {prompt}".encode("utf-8", "surrogatepass")  # a text may hold halves of surrogate pairs
    return int.from_bytes(sha256(said).digest()[:4], "big") >> 1
