"""Keys and values in buffers that stay where they are, and the attention that reads them without copying.

transformers' dynamic cache joins old and new keys into a new tensor at every step, and its attention
repeats each key-value head for every query head that shares it (grouped-query attention, Ainslie et al.
2023, arXiv 2305.13245). Here a sequence has a row of a preallocated buffer, into which a step writes one
position, and the query heads of a group are rows of one matrix product with the keys as they lie.

Both stand on transformers' extension points: ``CacheLayerMixin``, ``AttentionInterface`` and attention
masks of four dimensions, which models take as they are.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache, CacheLayerMixin

ATTENTION = "grouped"
GROWTH = 256  # positions that the buffers grow by


@dataclass
class Place:
    """Where the next forward pass writes, shared by all layers.

    Attributes:
        rows: (batch,), the buffer rows of the sequences; None for the beginning that all sequences share.
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
        beginning: keys and values, of one sequence, that stand first in every row.
    """

    sequences: int
    place: Place
    keys: torch.Tensor | None = None
    values: torch.Tensor | None = None
    beginning: tuple[torch.Tensor, torch.Tensor] | None = None
    is_initialized: bool = False

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.keys, self.values = (self._buffer(states, 0) for states in (key_states, value_states))
        self.is_initialized = True

    def _buffer(self, like: torch.Tensor, length: int) -> torch.Tensor:
        # Zeros, for what is masked is multiplied by zero, and must therefore be a number.
        return like.new_zeros(self.sequences, like.shape[1], length, like.shape[-1])

    def reserve(self, length: int) -> None:
        """Makes room for so many positions; what is there stays."""
        have = self.keys.shape[2]
        if have >= length:
            return
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = self._buffer(old, -(-length // GROWTH) * GROWTH)
            new[:, :, :have] = old
            setattr(self, name, new)

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args, **kwargs):
        """Writes the new states; returns the keys and values to attend to."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        place = self.place
        self.reserve(place.length)
        if place.rows is None:
            self.beginning = key_states, value_states
            return key_states, value_states
        if place.positions is None:
            return self._prefill(key_states, value_states)
        rows, positions = place.rows.to(self.keys.device), place.positions.to(self.keys.device)
        self.keys[rows, :, positions] = key_states[:, :, 0]
        self.values[rows, :, positions] = value_states[:, :, 0]
        batch = len(rows)
        return self.keys[:batch, :, : place.length], self.values[:batch, :, : place.length]

    def _prefill(self, *new: torch.Tensor) -> list[torch.Tensor]:
        rows, found = self.place.rows.to(self.keys.device), []
        for number, (buffer, states) in enumerate(zip((self.keys, self.values), new, strict=True)):
            if self.beginning is not None:
                first = self.beginning[number].expand(len(rows), -1, -1, -1)
                states = torch.cat([first, states], dim=2)
            buffer[rows, :, : states.shape[2]] = states
            found.append(states)
        return found

    def move(self, source: int, target: int, length: int) -> None:
        """Copies a sequence's first positions to another row."""
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
    """The cache of all layers, and its place."""

    layers: int
    sequences: int
    place: Place = field(default_factory=Place)

    def __post_init__(self):
        self.cache = Cache(layers=[Layer(self.sequences, self.place) for _ in range(self.layers)])

    def move(self, source: int, target: int, length: int) -> None:
        """Copies a sequence to another row."""
        for layer in self.cache.layers:
            layer.move(source, target, length)


def grouped_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention with the query heads of a group side by side, in transformers' attention interface.

    Args:
        query: (batch, heads, queries, head size).
        key: (batch, key-value heads, keys, head size), as ``value``.
        attention_mask: what is added to the scores, (batch or 1, 1, queries, keys).
        scaling: factor of the scores; None: one by the square root of the head size.
        softcap: bound of the scores, as Gemma 2 has it (arXiv 2408.00118, section 2).
        s_aux: (heads,), attention sinks as gpt-oss has them: a score of each head to which no value belongs.

    Returns:
        (batch, queries, heads, head size), and None for the weights, which are not kept.
    """
    batch, heads, queries, size = query.shape
    groups = key.shape[1]
    scaling = size**-0.5 if scaling is None else scaling
    if queries > 1 and softcap is None and s_aux is None:  # a prompt: the fused kernel, which keeps no scores
        options = {"attn_mask": attention_mask, "scale": scaling, "enable_gqa": heads != groups}
        output = torch.nn.functional.scaled_dot_product_attention(query, key, value, **options)
        return output.transpose(1, 2), None
    rows = (query * scaling).reshape(batch * groups, -1, size)
    scores = torch.bmm(rows, key.flatten(0, 1).transpose(1, 2)).view(batch, heads, queries, -1)
    if softcap is not None:
        scores = torch.tanh(scores / softcap) * softcap
    scores = scores + attention_mask
    if s_aux is not None:
        scores = torch.cat([scores, s_aux.view(1, -1, 1, 1).expand(batch, -1, queries, -1)], dim=-1)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32)[..., : key.shape[2]].to(query.dtype)
    output = torch.bmm(weights.reshape(batch * groups, -1, key.shape[2]), value.flatten(0, 1))
    return output.view(batch, heads, queries, value.shape[-1]).transpose(1, 2), None


AttentionInterface.register(ATTENTION, grouped_attention)


def attention_masks(config, positions: torch.Tensor, length: int, dtype: torch.dtype):
    """What is added to the scores of queries at ``positions``, in the form that the model takes.

    Args:
        positions: (batch, queries).
        length: keys, of which number j stands at position j.

    Returns:
        (batch, 1, queries, length), or one such for each kind of layer, by its name.
    """
    keys = torch.arange(length, device=positions.device)
    past = keys <= positions[:, None, :, None]
    window = getattr(config, "sliding_window", None)
    near = past if window is None else past & (keys > positions[:, None, :, None] - window)
    full, sliding = (_added(allowed, dtype) for allowed in (past, near))
    kinds = set(getattr(config, "layer_types", None) or ())
    if "sliding_attention" in kinds:
        return {"full_attention": full, "sliding_attention": sliding}
    return full if kinds else sliding


def _added(allowed: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    zero = torch.zeros((), dtype=dtype, device=allowed.device)
    return torch.where(allowed, zero, torch.finfo(dtype).min)
