"""What a training step holds beside weights and optimizer states, for any batch and length.

A model has many equal layers: a step is run on tensors without data (``tuning.memory.simulated_step``) with few of
them, and what further ones add is told by the last of these. A step has phases, of which a different one can be the
greatest, and each grows linearly with the layers, and nearly so with batch and length.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tuning.memory.run import Run
from tuning.memory.simulated_step import FOLDED, PHASES, Phase, training_step
from tuning.model.architectures import period, shortened

# Tokens of which TRL projects the logits at once; from so many on the tiles do not grow.
TILE = 4096


def points(shortest: int, pairs: bool) -> dict[str, tuple[int, int]]:
    """Batches and lengths, virtual tokens of prompt tuning included, at which a step is run.

    What it holds grows with tokens, not always at one rate, since one temporary tensor after another can be the
    greatest. With ``pairs`` one step more has as many tokens as ``short`` in longer rows, which tells what pairs of
    tokens in a row take: attention and its mask may hold such.
    """
    rows = max(1, 512 // shortest)
    found = {"few": (rows, shortest), "short": (4 * rows, shortest), "many": (16 * rows, shortest)}
    if pairs:
        found |= {"many": (8 * rows, 2 * shortest), "long": (rows, 4 * shortest)}
    return found


@dataclass(frozen=True)
class Law:
    """The phases of a step as functions of batch and length.

    Attributes:
        at: the ``points``.
        found: the phases at each of them.
        virtual: tokens that prompt tuning puts before each row.
    """

    at: dict[str, tuple[int, int]]
    found: dict[str, dict[str, Phase]]
    virtual: int

    def phases(self, batch: int, length: int) -> dict[str, Phase]:
        """The phases with ``batch`` rows of ``length`` tokens."""
        return {name: self._phase(name, batch, length + self.virtual) for name in PHASES}

    def _phase(self, name: str, batch: int, length: int) -> Phase:
        each_pair = self._each_pair(name)
        nodes = [
            (self._tokens(point), self.found[point][name].layers - each_pair * _pairs(*self.at[point]))
            for point in ("few", "short", "many")
        ]
        layers = _through(nodes, batch * length) + each_pair * _pairs(batch, length)
        return Phase(layers, self.found["few"][name].gradients, self._logits(name, batch * (length - 1)))

    def _tokens(self, point: str) -> int:
        rows, length = self.at[point]
        return rows * length

    def _each_pair(self, name: str) -> float:
        """Bytes for a pair of tokens in a row."""
        if "long" not in self.at:
            return 0.0
        more = self.found["long"][name].layers - self.found["short"][name].layers
        return max(0.0, more) / (_pairs(*self.at["long"]) - _pairs(*self.at["short"]))

    def _logits(self, name: str, predicted: int) -> float:
        """What the head holds: tiles grow with the tokens to be predicted, up to the largest tile."""
        few, short, many = (
            (self._tokens(point) - self.at[point][0], self.found[point][name].logits)
            for point in ("few", "short", "many")
        )
        return _through([few, short, (TILE, _through([few, short], TILE)), many], predicted)


def _pairs(rows: int, tokens: int) -> int:
    return rows * tokens * tokens


def _through(nodes: list[tuple[int, float]], x: float) -> float:
    """The value at ``x`` of lines from node to node, the first and the last going on beyond; never negative."""
    index = min(sum(x > node for node, _ in nodes[1:-1]), len(nodes) - 2)
    (left, at_left), (right, at_right) = nodes[index : index + 2]
    return max(0.0, at_left + (x - left) * (at_right - at_left) / (right - left))


def law(run: Run) -> Law:
    """The law of a training step, from steps at a few batches and lengths."""
    virtual, loops = run.adapter.virtual_tokens, run.model.architecture.loops
    at = points(virtual + (FOLDED if loops else 16), holds_pairs(run) or not loops)
    sizes = [(rows, length - virtual) for rows, length in at.values()]
    return Law(at, dict(zip(at, phases(run, sizes), strict=True)), virtual)


def holds_pairs(run: Run) -> bool:
    """Whether something grows with more than the number of tokens: scores of attention, virtual tokens of rows."""
    return run.model.attention == "eager" or run.adapter.virtual_tokens > 0


def folded(run: Run, batch: int, length: int) -> dict[str, Phase]:
    """The phases at one batch and length, all its tokens in rows of ``FOLDED``.

    For layers that go through a row token by token and hold nothing for pairs of tokens.
    """
    rows = max(1, round(batch * length / FOLDED))
    [found] = phases(run, [(rows, FOLDED)], every=True)
    return found


def phases(run: Run, sizes: list[tuple[int, int]], every: bool = False) -> Iterator[dict[str, Phase]]:
    """The phases at each batch and length, for all layers; see ``simulated_step.training_step``."""
    config = run.model.config
    layers, repeat = config.get_text_config().num_hidden_layers, period(config)
    few = min(layers, 1 + repeat)
    short = run.with_config(shortened(config, few))
    return (training_step(short, (layers - few) / repeat, size, every) for size in sizes)
