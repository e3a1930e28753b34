"""What a training step holds beside weights and optimizer states, for any batch and length.

A model has many equal layers: a step is run on tensors without data (``stages.lib.simulation``) with few of them, and
what further ones add is told by the last of these. A step has phases, of which a different one can be the greatest,
and each grows linearly with the layers, and nearly so with batch and length.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from stages.lib.architectures import architecture, period, shortened
from stages.lib.simulation import FOLDED, PHASES, Phase, run

# Tokens of which TRL projects the logits at once; from so many on the tiles do not grow.
TILE = 4096
_FEW, _SHORT, _LONG, _MANY = range(4)


def points(shortest: int) -> list[tuple[int, int]]:
    """Batches and lengths, virtual tokens of prompt tuning included, at which a step is run.

    The second and third have as many tokens in rows of different length, which tells what pairs of tokens in a row
    take: attention and its mask may hold such. The rest grows with tokens, not always at one rate, since one temporary
    tensor after another can be the greatest.
    """
    length = shortest
    rows = max(1, 512 // length)
    return [(rows, length), (4 * rows, length), (rows, 4 * length), (8 * rows, 2 * length)]


@dataclass(frozen=True)
class Law:
    """The phases of a step as functions of batch and length.

    Attributes:
        found: the phases at each of ``points``.
        shortest: the least length of these.
        virtual: tokens that prompt tuning puts before each row.
    """

    found: list[dict[str, Phase]]
    shortest: int
    virtual: int

    def phases(self, batch: int, length: int) -> dict[str, Phase]:
        """The phases with ``batch`` rows of ``length`` tokens."""
        return {name: self._phase(name, batch, length + self.virtual) for name in PHASES}

    def _phase(self, name: str, batch: int, length: int) -> Phase:
        at = points(self.shortest)
        of_layers = [phases[name].layers for phases in self.found]
        each_pair = max(0, of_layers[_LONG] - of_layers[_SHORT]) / (_pairs(*at[_LONG]) - _pairs(*at[_SHORT]))
        nodes = [
            (rows * tokens, of_layers[point] - each_pair * _pairs(rows, tokens))
            for point, (rows, tokens) in enumerate(at)
            if point != _LONG
        ]
        layers = _through(nodes, batch * length) + each_pair * _pairs(batch, length)
        return Phase(layers, self.found[0][name].gradients, self._logits(name, at, batch * (length - 1)))

    def _logits(self, name: str, at: list[tuple[int, int]], predicted: int) -> float:
        """What the head holds: tiles grow with the tokens to be predicted, up to the largest tile."""
        few, short, many = (
            (at[point][0] * (at[point][1] - 1), self.found[point][name].logits) for point in (_FEW, _SHORT, _MANY)
        )
        return _through([few, short, (TILE, _through([few, short], TILE)), many], predicted)


def _pairs(rows: int, tokens: int) -> int:
    return rows * tokens * tokens


def _through(nodes: list[tuple[int, float]], x: float) -> float:
    """The value at ``x`` of lines from node to node, the first and the last going on beyond; never negative."""
    index = min(sum(x > node for node, _ in nodes[1:-1]), len(nodes) - 2)
    (left, at_left), (right, at_right) = nodes[index : index + 2]
    return max(0.0, at_left + (x - left) * (at_right - at_left) / (right - left))


def law(params: dict[str, Any], config, dtype, device: str, compute: Callable = map) -> Callable[[], Law]:
    """Has the steps run; what is given back waits for them.

    Args:
        config: the model's configuration.
        dtype: of the weights as loaded.
        device: ``cuda``, where TRL's head has kernels that hold a tile alone, or another.
        compute: ``map``, or that of an executor, which runs them meanwhile.
    """
    virtual = params["prompt_tuning"]["num_virtual_tokens"] if params["prompt_tuning"]["enabled"] else 0
    shortest = virtual + (FOLDED if architecture(config.model_type).loops else 16)
    sizes = [(rows, length - virtual) for rows, length in points(shortest)]
    found = phases(params, config, dtype, sizes, device, compute)
    return lambda: Law(list(found), shortest, virtual)


def folded(params: dict[str, Any], config, dtype, batch: int, length: int, device: str) -> dict[str, Phase]:
    """The phases at one batch and length, all its tokens in rows of ``FOLDED``.

    For layers that go through a row token by token and hold nothing for pairs of tokens.
    """
    rows = max(1, round(batch * length / FOLDED))
    [found] = phases(params, config, dtype, [(rows, FOLDED)], device, every=True)
    return found


def phases(
    params: dict[str, Any], config, dtype, sizes, device: str, compute: Callable = map, every: bool = False
) -> Iterator[dict[str, Phase]]:
    """The phases at each batch and length, for all layers; arguments as of ``law`` and ``simulation.run``."""
    layers, repeat = config.get_text_config().num_hidden_layers, period(config)
    few = min(layers, 1 + repeat)
    step = partial(run, params, shortened(config, few), dtype, device, (layers - few) / repeat, every=every)
    return compute(step, sizes)
