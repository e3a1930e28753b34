"""A key-value cache in preallocated buffers.

transformers' dynamic cache joins old and new keys into a new tensor at every step. Here a sequence has a row
of a preallocated buffer, into which a step writes one position. It stands on transformers' extension point
``CacheLayerMixin``.
"""

from dataclasses import dataclass, field

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

GROWTH = 512  # positions


@dataclass
class Place:
    """Where the next forward pass writes, shared by all layers.

    Attributes:
        rows: (batch,), the buffer rows of the sequences.
        positions: while decoding, (batch,): the position that each sequence writes; None while prompts are read.
        length: positions that are read, or at the least as many as are written.
    """

    rows: torch.Tensor | None = None
    positions: torch.Tensor | None = None
    length: int = 0


@dataclass
class Layer(CacheLayerMixin):
    """One layer's buffers, (sequences, key-value heads, positions, head size) each.

    Attributes:
        enough: the largest number of positions ever needed; None: unknown.
        growth: positions that the buffers grow by, up to ``enough``.
    """

    sequences: int
    place: Place
    enough: int | None = None
    growth: int = GROWTH
    keys: torch.Tensor | None = None
    values: torch.Tensor | None = None
    is_initialized: bool = False

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.keys, self.values = (self._buffer(states, 0) for states in (key_states, value_states))
        self.is_initialized = True

    def _buffer(self, like: torch.Tensor, length: int) -> torch.Tensor:
        # Zeros, not uninitialised memory: masked values are multiplied by zero, and 0 * NaN would be NaN.
        return like.new_zeros(self.sequences, like.shape[1], length, like.shape[-1])

    def reserve(self, length: int) -> None:
        """Makes room for so many positions; what is there stays."""
        have = self.keys.shape[2]
        if have >= length:
            return
        grown = -(-length // self.growth) * self.growth
        if self.enough is not None:
            grown = max(length, min(grown, self.enough))
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = self._buffer(old, grown)
            new[:, :, :have] = old
            setattr(self, name, new)

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs):
        """Writes the new states; returns the keys and values to attend to."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        place = self.place
        self.reserve(place.length)
        rows = place.rows.to(self.keys.device)
        if place.positions is None:
            for buffer, states in ((self.keys, key_states), (self.values, value_states)):
                buffer[rows, :, : states.shape[2]] = states
            return key_states, value_states
        positions = place.positions.to(self.keys.device)
        self.keys[rows, :, positions] = key_states[:, :, 0]
        self.values[rows, :, positions] = value_states[:, :, 0]
        batch = len(rows)
        return self.keys[:batch, :, : place.length], self.values[:batch, :, : place.length]

    def move(self, source: int, target: int, length: int) -> None:
        """Copies a sequence's first positions to another row; nothing in a layer that reads another's (Gemma 3n)."""
        if not self.is_initialized:
            return
        self.keys[target, :, :length] = self.keys[source, :, :length]
        self.values[target, :, :length] = self.values[source, :, :length]

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return max(self.place.length, query_length), 0

    def get_seq_length(self) -> int:
        return self.place.length

    def get_max_length(self) -> int:
        return -1

    get_max_cache_shape = get_max_length  # its name in earlier versions of transformers


@dataclass
class Buffers:
    """The cache of all layers, and its place; see ``Layer``."""

    layers: int
    sequences: int
    enough: int | None = None
    growth: int = GROWTH
    place: Place = field(default_factory=Place)

    def __post_init__(self):
        self.cache = Cache(
            layers=[Layer(self.sequences, self.place, self.enough, self.growth) for _ in range(self.layers)]
        )

    def move(self, source: int, target: int, length: int) -> None:
        """Copies a sequence to another row."""
        for layer in self.cache.layers:
            layer.move(source, target, length)
