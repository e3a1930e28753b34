"""Continuous batching: a finished answer leaves the batch at once, and a waiting prompt takes its place."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakMethod

import torch

from tuning.generation.continuous.attention import ATTENTION, attention_masks
from tuning.generation.continuous.cache import GROWTH, Buffers
from tuning.generation.continuous.cuda_graphs import RecordedStep, can_record
from tuning.generation.kv_cache import LENGTHS, PREFILL, cache_positions, rounded_up
from tuning.generation.sequence import Sequence

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# The batch has a multiple of the first number of rows, and at least the second. Products with fewer rows use other code
# paths of the library, which round differently; an answer would then depend on the number of its neighbours.
ROWS, FEWEST = 8, 16
# Prompt lengths are rounded up to a multiple of the first, and to the fewest rows at least; the second is the part of
# the batch that must be free before prompts are read. On a GPU, few passes over many tokens are faster, since a kernel
# takes longer to start than to run.
TOKENS = {"cpu": 8, "mps": 8, "cuda": 64}
FREE = {"cpu": 0.0, "mps": 0.0, "cuda": 0.125}


@contextmanager
def grouped(model: "PreTrainedModel"):
    """The model with this project's attention inside the block, and with its own afterwards."""
    own = model.config._attn_implementation
    model.set_attn_implementation(ATTENTION)
    try:
        yield
    finally:
        model.set_attn_implementation(own)


class Batch:
    """The sequences that are being written, each in the buffer row of its place in ``sequences``.

    Args:
        size: sequences at once, at the most.
        longest: tokens of the longest prompt with its answer; None: as many as come.
        prefix: (1, virtual tokens, hidden size), what prompt tuning puts before each prompt; None: nothing.
    """

    def __init__(
        self,
        model: "PreTrainedModel",
        size: int,
        longest: int | None = None,
        prefix: torch.Tensor | None = None,
    ):
        self.model, self.prefix = model, prefix
        self.sequences: list[Sequence] = []
        self.config = model.config.get_text_config()
        self.shift = 0 if prefix is None else prefix.shape[1]
        self.size, self.kind = size, model.device.type
        enough = None if longest is None else cache_positions(self.shift + longest)
        recorded = enough is not None and can_record(model)
        growth = enough if recorded else GROWTH  # graphs are bound to the memory that they were recorded with
        self.buffers = Buffers(self.config.num_hidden_layers, _rows(size), enough, growth)
        # It does not hold the batch, which would live, with model and cache, until Python looks for such rings.
        step = WeakMethod(self._forward)
        self.recorded = RecordedStep(lambda *given: step()(*given), _rows(size), model.device) if recorded else None

    def room(self, waiting: int) -> int:
        """Of so many waiting prompts, those to read now: none while too little of the batch is free."""
        room = min(self.size - len(self.sequences), waiting)
        enough = min(waiting, FREE[self.kind] * self.size)
        return room if room >= enough or not self.sequences else 0

    def admit(self, new: list[Sequence]) -> None:
        """Reads all but the last token of prompts; the next step reads the last one with those being written.

        Prompts share a forward pass where their lengths, rounded up, are equal.
        """
        rows: dict[int, list[int]] = {}
        for row, sequence in enumerate(new, len(self.sequences)):
            rows.setdefault(max(FEWEST, rounded_up(len(sequence.prompt) - 1, TOKENS[self.kind])), []).append(row)
        self.sequences += new
        for length, group in rows.items():
            at_once = max(1, PREFILL // length)
            for start in range(0, len(group), at_once):
                some = group[start : start + at_once]
                self._read(self._prompts(some, length), some)

    def _prompts(self, rows: list[int], length: int) -> torch.Tensor:
        """The prompts of these rows but their last tokens, (rows, length), zeros after them."""
        ids = torch.zeros(len(rows), length, dtype=torch.long)
        for line, row in zip(ids, rows, strict=True):
            prompt = self.sequences[row].prompt[:-1]
            line[: len(prompt)] = torch.tensor(prompt, dtype=torch.long)
        return ids

    def _read(self, ids: torch.Tensor, rows: list[int]) -> None:
        """Fills the cache of these rows with the prefix, if there is one, and the tokens, (rows, length)."""
        device, place = self.model.device, self.buffers.place
        length = self.shift + ids.shape[1]
        positions = torch.arange(length, device=device)[None]
        place.rows, place.positions, place.length = torch.tensor(rows, device=device), None, length
        forward(
            self.model,
            ids.to(device),
            self.prefix,
            position_ids=positions,
            attention_mask=attention_masks(self.config, positions, length, self.model.dtype),
            past_key_values=self.buffers.cache,
            use_cache=True,
            logits_to_keep=1,
        )

    def logits(self) -> torch.Tensor:
        """Logits of each sequence's next token, (sequences, vocabulary); reads the last token of each."""
        rows = self.recorded.rows if self.recorded else _rows(len(self.sequences))
        last = [(sequence.written or sequence.prompt)[-1] for sequence in self.sequences]
        at = [self.shift + len(sequence.prompt) + len(sequence.written) - 1 for sequence in self.sequences]
        spare = [0] * (rows - len(last))
        length = rounded_up(max(at) + 1, LENGTHS[self.kind])
        ids, positions = (torch.tensor(numbers + spare) for numbers in (last, at))
        return (self.recorded or self._forward)(ids, positions, length)[: len(last)]

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor, length: int) -> torch.Tensor:
        """Logits, (rows, vocabulary), after these tokens at these positions, (rows,) each, with so many keys."""
        device, place = self.model.device, self.buffers.place
        ids, positions = ids.to(device)[:, None], positions.to(device)
        place.rows, place.positions, place.length = torch.arange(len(ids), device=device), positions, length
        output = self.model(
            input_ids=ids,
            position_ids=positions[:, None],
            attention_mask=attention_masks(self.config, positions[:, None], length, self.model.dtype),
            past_key_values=self.buffers.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1]

    def step(self, ends: set[int]) -> None:
        """Each sequence gets its next token."""
        logits = self.logits()
        likeliest = logits.argmax(dim=-1).tolist()
        for row, sequence in enumerate(self.sequences):
            choose = sequence.choose
            sequence.append(choose(sequence, logits[row : row + 1]) if choose else likeliest[row], ends)

    def leave(self) -> list[Sequence]:
        """Removes the finished sequences; the last rows move into the free ones."""
        finished = []
        for row in reversed(range(len(self.sequences))):
            if self.sequences[row].finish_reason is None:
                continue
            finished.append(self.sequences[row])
            last = self.sequences.pop()
            if row < len(self.sequences):
                self.sequences[row] = last
                length = self.shift + len(last.prompt) + len(last.written) - 1
                self.buffers.move(len(self.sequences), row, length)
        return finished


def _rows(sequences: int) -> int:
    """The number of rows for so many sequences; spare rows are computed but never read."""
    return max(FEWEST, rounded_up(sequences, ROWS))


def forward(model: "PreTrainedModel", ids: torch.Tensor, prefix: torch.Tensor | None, **options):
    """The model's forward pass over the prefix, if there is one, and the tokens, (batch, length)."""
    if prefix is None:
        return model(input_ids=ids, **options)
    words = model.get_input_embeddings()(ids)
    embeddings = torch.cat([prefix.to(words).expand(len(ids), -1, -1), words], dim=1)
    return model(inputs_embeds=embeddings, **options)


def decode(
    model: "PreTrainedModel",
    waiting: list[Sequence],
    size: int,
    ends: set[int],
    prefix: torch.Tensor | None = None,
) -> Iterator[list[Sequence]]:
    """Yields sequences as they finish. After a failure, unfinished sequences start again from their prompts.

    Args:
        model: to be used inside ``grouped``.
        waiting: open sequences in the order in which they are taken up.
        ends: token ids that end an answer.
        size, prefix: see ``Batch``.
    """
    if not waiting:
        return
    queue = deque(waiting)
    with torch.inference_mode():
        longest = max(len(sequence.prompt) + sequence.limit for sequence in queue)
        batch = Batch(model, size, longest, prefix)
    try:
        while queue or batch.sequences:
            with torch.inference_mode():
                if room := batch.room(len(queue)):
                    batch.admit([queue.popleft() for _ in range(room)])
                batch.step(ends)
                finished = batch.leave()
            if finished:
                yield finished
    finally:
        for sequence in batch.sequences:
            sequence.written.clear()
