"""What a training step holds beside weights and optimizer states, for any batch and length.

A model has many equal layers: a step is run on tensors without data (``stages.lib.simulation``) with few of them, and
what each further one adds is the difference between two such runs; so with batch and length. A step has phases, of
which a different one can be the greatest, and each grows linearly with the layers.
"""

from dataclasses import dataclass
from typing import Any

from stages.lib.architectures import period, shortened
from stages.lib.simulation import PHASES, Phase, run

# Tokens of which TRL projects the logits at once; from so many on the tiles do not grow.
TILE = 4096
# Batches and lengths at which a step is run: three are enough for the terms of ``_terms``.
POINTS = ((32, 16), (64, 32), (256, 32))


@dataclass(frozen=True)
class Law:
    """The phases of a step as functions of batch and length.

    Attributes:
        layers, logits: by phase, the factors of ``_terms``.
        gradients: by phase.
        virtual: tokens that prompt tuning puts before each row.
    """

    layers: dict[str, Any]
    logits: dict[str, Any]
    gradients: dict[str, float]
    virtual: int

    def phases(self, batch: int, length: int) -> dict[str, Phase]:
        """The phases with ``batch`` rows of ``length`` tokens."""
        of_layers, of_logits = _terms(batch, length + self.virtual)
        return {
            name: Phase(self.layers[name] @ of_layers, self.gradients[name], self.logits[name] @ of_logits)
            for name in PHASES
        }


def _terms(batch: int, length: int):
    """What bytes are sums of: for the layers a constant, tokens, and pairs of tokens in a row, which attention and its
    mask may hold; for the head a constant, the predicted tokens of a tile, and those beyond it."""
    import numpy as np

    tokens, predicted = batch * length, batch * (length - 1)
    of_logits = [1, min(predicted, TILE), max(0, predicted - TILE)]
    return np.array([1, tokens, tokens * length], float), np.array(of_logits, float)


def law(params: dict[str, Any], config, dtype, device: str) -> Law:
    """Runs steps, and finds the factors.

    Args:
        config: the model's configuration.
        dtype: of the weights as loaded.
        device: ``cuda``, where TRL's head has kernels that hold a tile alone, or another.
    """
    import numpy as np

    found = _phases(params, config, dtype, POINTS, device)
    virtual = params["prompt_tuning"]["num_virtual_tokens"] if params["prompt_tuning"]["enabled"] else 0
    terms = [_terms(batch, length + virtual) for batch, length in POINTS]
    of_layers, of_logits = (np.array(part) for part in zip(*terms, strict=True))
    return Law(
        {name: np.linalg.solve(of_layers, [point[name].layers for point in found]) for name in PHASES},
        {name: np.linalg.solve(of_logits, [point[name].logits for point in found]) for name in PHASES},
        {name: found[0][name].gradients for name in PHASES},
        virtual,
    )


def _phases(params: dict[str, Any], config, dtype, points, device: str) -> list[dict[str, Phase]]:
    """The phases at each batch and length, for all layers."""
    layers, repeat = config.get_text_config().num_hidden_layers, period(config)
    few = max(2, repeat)
    if layers <= few + repeat:
        return run(params, config, dtype, points, device)
    less = run(params, shortened(config, few), dtype, points, device)
    more = run(params, shortened(config, few + repeat), dtype, points, device)
    times = (layers - few) / repeat
    return [
        {name: at_few[name].extrapolated(at_more[name], times) for name in PHASES}
        for at_few, at_more in zip(less, more, strict=True)
    ]
