"""Memory of a training step beside weights and optimizer states, for any batch and length.

A step is simulated on tensors without data (``tuning.memory.simulated_step``) with a few layers only; the last of them
gives what each further layer adds. A step has phases, and any of them can be the peak. Each phase grows linearly with
the number of layers, and almost linearly with batch and length.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tuning.memory.fake_model import has_own_head, to_train
from tuning.memory.run import Run
from tuning.memory.simulated_step import FOLDED, PHASES, Phase, training_step
from tuning.model.architectures import period, shortened


@dataclass(frozen=True)
class Head:
    """How many positions the head takes, and at once; by default TRL's.

    Attributes:
        tile: positions whose logits it holds at once.
        multiple: it takes a multiple of so many.
        passed_over: positions of a row at which it predicts nothing.
    """

    tile: int = 4096
    multiple: int = 1
    passed_over: int = 0

    def taken(self, rows: int, length: int) -> int:
        """Positions in so many rows of so many tokens."""
        return -(-rows * (length - 1 - self.passed_over) // self.multiple) * self.multiple


def points(shortest: int, pairs: bool) -> dict[str, tuple[int, int]]:
    """The batches and lengths (with the virtual tokens of prompt tuning) at which a step is simulated.

    Memory grows with the number of tokens, but not at one rate, since a different temporary tensor can be the largest.
    ``pairs`` has as many tokens as ``short`` in longer rows; the difference is what attention and its mask hold for
    each pair of tokens in a row.
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
        head: which positions it takes.
    """

    at: dict[str, tuple[int, int]]
    found: dict[str, dict[str, Phase]]
    virtual: int
    head: Head

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
        return Phase(layers, self.found["few"][name].gradients, self._logits(name, self.head.taken(batch, length)))

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
        """Memory of the head: its tiles grow with the number of predicted tokens, up to the full tile size."""
        tile = max(self.head.tile, self.head.taken(*self.at["short"]) + 1)
        few, short, many = (
            (self.head.taken(*self.at[point]), self.found[point][name].logits) for point in ("few", "short", "many")
        )
        return _through([few, short, (tile, _through([few, short], tile)), many], predicted)


def _pairs(rows: int, tokens: int) -> int:
    return rows * tokens * tokens


def _through(nodes: list[tuple[int, float]], x: float) -> float:
    """Piecewise linear interpolation at ``x``; extrapolates beyond the first and last node, but not below 0."""
    index = min(sum(x > node for node, _ in nodes[1:-1]), len(nodes) - 2)
    (left, at_left), (right, at_right) = nodes[index : index + 2]
    return max(0.0, at_left + (x - left) * (at_right - at_left) / (right - left))


def law(run: Run) -> Law:
    """The law of a training step, from steps at a few batches and lengths."""
    virtual, loops = run.adapter.virtual_tokens, run.model.architecture.loops
    at = points(virtual + (FOLDED if loops else 16), holds_pairs(run) or not loops)
    sizes = [(rows, length - virtual) for rows, length in at.values()]
    return Law(at, dict(zip(at, phases(run, sizes), strict=True)), virtual, _head(run))


def _head(run: Run) -> Head:
    """The CPU's own head where the model has it, see ``tuning.training.cpu.completion_head``."""
    import torch

    from tuning.training.cpu.completion_head import MULTIPLE, at_once

    with torch.device("meta"):
        model = to_train(_few_layers(run))
    if not has_own_head(model, run):
        return Head()
    return Head(at_once(model.get_output_embeddings().weight), MULTIPLE, run.adapter.virtual_tokens)


def holds_pairs(run: Run) -> bool:
    """Whether memory depends on more than the number of tokens: attention scores, or virtual tokens in each row."""
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
    layers, repeat, few = run.model.config.get_text_config().num_hidden_layers, period(run.model.config), _few(run)
    short = _few_layers(run)
    return (training_step(short, (layers - few) / repeat, size, every) for size in sizes)


def _few(run: Run) -> int:
    """As many layers as tell what all hold."""
    config = run.model.config
    return min(config.get_text_config().num_hidden_layers, 1 + period(config))


def _few_layers(run: Run) -> Run:
    return run.with_config(shortened(run.model.config, _few(run)))
