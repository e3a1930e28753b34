"""Which rows are kept for validation, such that no request stands in training too."""

import random
from collections import defaultdict
from hashlib import sha256

from tuning.core.errors import UserError
from tuning.data.rows import Row


def split(rows: list[Row], num_val: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Rows for training and for validation, each in the data set's order; the seed draws the latter.

    A request that stands in several rows, with different answers or as the beginning of longer conversations, is
    wholly in one of the two. For that, there may be fewer rows to validate on; where every request has more rows than
    ``num_val``, single rows are drawn all the same, and a line says so.

    Raises:
        UserError: there are no more rows than are to be kept.
    """
    if len(rows) <= num_val:
        problem = f"{len(rows)} usable rows, but 'data.num_val' keeps {num_val} of them for validation"
        raise UserError(f"dataset: {problem}: set it lower, or to 0 for no validation")
    chosen = set(random.Random(seed).sample(range(len(rows)), num_val))
    groups = _by_request(rows)
    if any(0 < len(chosen.intersection(group)) < len(group) for group in groups):
        apart = _whole_groups(groups, num_val, seed)
        if not apart:
            print(f"note: every request has more than {num_val} rows, so some stand in training and in validation")
        chosen = apart or chosen
    train = [row for index, row in enumerate(rows) if index not in chosen]
    return train, [rows[index] for index in sorted(chosen)]


def _by_request(rows: list[Row]) -> list[list[int]]:
    """The numbers of the rows whose conversations begin with the same request, for each request."""
    groups = defaultdict(list)
    for index, row in enumerate(rows):
        first = next(turn["content"] for turn in row.prompt if turn["role"] == "user")
        groups[sha256(first.encode()).digest()].append(index)
    return list(groups.values())


def _whole_groups(groups: list[list[int]], most: int, seed: int) -> set[int]:
    """The members of groups drawn one after the other, of each that still fits, at most so many."""
    found: set[int] = set()
    for group in random.Random(seed).sample(groups, len(groups)):
        if len(found) + len(group) <= most:
            found.update(group)
    return found
