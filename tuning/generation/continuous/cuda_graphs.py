"""A decoding step as a CUDA graph: the kernels of a step are started in one go.

A step of a few tokens has thousands of small kernels, and Python starts each of them more slowly than the device runs
it. A graph that has been recorded once starts them all without Python
(https://docs.pytorch.org/docs/stable/notes/cuda.html, "CUDA Graphs"). It reads and writes the same memory every time,
so inputs and outputs have tensors of their own.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def can_record(model: "PreTrainedModel") -> bool:
    """Whether the model lies whole on one CUDA device, where its steps can be recorded."""
    return model.device.type == "cuda" and {tensor.device for tensor in model.parameters()} == {model.device}


class RecordedStep:
    """A decoding step of a fixed number of rows; its graph for a length is recorded when that length comes again.

    Args:
        compute: takes ids and positions, (rows,) each, and a length, and returns logits, (rows, vocabulary).
        rows: of the batch.
    """

    def __init__(
        self, compute: Callable[[torch.Tensor, torch.Tensor, int], torch.Tensor], rows: int, device: torch.device
    ):
        self.compute, self.rows, self.records = compute, rows, True
        self.ids, self.positions = (torch.zeros(rows, dtype=torch.long, device=device) for _ in range(2))
        self.logits: torch.Tensor | None = None
        self.graphs: dict[int, torch.cuda.CUDAGraph | None] = {}  # None: that length has come once
        self.pool = None

    def __call__(self, ids: torch.Tensor, positions: torch.Tensor, length: int) -> torch.Tensor:
        """Logits of the next tokens, (rows, vocabulary); the next step overwrites them."""
        self.ids.copy_(ids)
        self.positions.copy_(positions)
        comes_again = length in self.graphs
        graph = self.graphs.setdefault(length, None)
        if graph is None and comes_again and self.records:
            graph = self.graphs[length] = self._recorded(length)
        if graph is None:
            return self.compute(self.ids, self.positions, length)
        graph.replay()
        return self.logits

    def _recorded(self, length: int) -> "torch.cuda.CUDAGraph | None":
        """The step's graph; None if it cannot be recorded, as that of a model that reads numbers from the device."""
        here, side = torch.cuda.current_stream(), torch.cuda.Stream()
        side.wait_stream(here)
        with torch.cuda.stream(side):  # kernels are loaded and chosen before the recording
            logits = self.compute(self.ids, self.positions, length)
        here.wait_stream(side)
        if self.logits is None:
            self.logits = torch.empty_like(logits)
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, pool=self.pool):
                self.logits.copy_(self.compute(self.ids, self.positions, length))
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
            self.records = False
            return None
        self.pool = graph.pool()
        return graph
