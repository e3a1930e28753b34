"""What an answer repeats of itself, by its tokens, so that it is the same for every language."""

from collections import Counter

RUN = 4  # a token that ends a run of so many tokens which stood in the answer before repeats it
LOOP, TIMES = 8, 3  # an answer loops if some run of so many tokens stands in it so often


def loops(tokens: list[int]) -> bool:
    """Whether the answer has come into a loop."""
    counts = Counter(zip(*(tokens[start:] for start in range(LOOP)), strict=False))
    return max(counts.values(), default=0) >= TIMES


def repeats(tokens: list[int]) -> list[bool]:
    """Of each token, whether it repeats what the answer said before; its first three never do."""
    seen: set[tuple[int, ...]] = set()
    found = [False] * min(RUN - 1, len(tokens))
    for run in zip(*(tokens[start:] for start in range(RUN)), strict=False):
        found.append(run in seen)
        seen.add(run)
    return found
