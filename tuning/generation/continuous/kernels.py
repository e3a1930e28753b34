"""The two matrix products of attention for a decoding step on a CPU, each sequence over its own positions only.

A decoding step has one query for each head. The library's batched matrix product is slow for so few rows and reads
every sequence up to the longest one. The loops here, compiled by numba, read each key and value once, and only those
that the sequence has. A sequence gets the same numbers whatever its neighbours. numba uses torch's threads, since both
share the OpenMP library of the process.
"""

import os
import sys

import numpy as np
import torch

# numba sets the OpenMP library's number of threads, and so torch's, to its own.
os.environ["NUMBA_NUM_THREADS"] = str(torch.get_num_threads())
import numba

LOWEST = np.finfo(np.float32).min  # what is added to the scores of positions that are not seen
RUNS = sys.platform == "linux"  # where numba and torch are known to share one OpenMP library
numba.config.THREADING_LAYER = "omp"
# Sums may be reordered, so that they are vectorised; infinities and NaN keep their meaning.
_compiled = numba.njit(parallel=True, cache=True, fastmath={"reassoc", "contract", "nsz"})


def scores(queries: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Products of queries and keys; zero where nothing is read.

    Args:
        queries: (batch, key-value heads, queries, head size), float32.
        keys: (batch, key-value heads, positions, head size), float32.
        mask: (batch, positions), float32; where it is the lowest number, before and after what a sequence may
            see, nothing is read.

    Returns:
        (batch, key-value heads, queries, positions).
    """
    found = queries.new_empty(*queries.shape[:3], keys.shape[2])
    _use_threads()
    _scores(queries.contiguous().numpy(), _whole(keys), mask.contiguous().numpy(), found.numpy())
    return found


def mixed(weights: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Sums of the values by their weights.

    Args:
        weights: (batch, key-value heads, queries, positions), float32.
        values: (batch, key-value heads, positions, head size), float32.
        mask: as for ``scores``.

    Returns:
        (batch, key-value heads, queries, head size).
    """
    found = weights.new_empty(*weights.shape[:3], values.shape[3])
    _use_threads()
    _mixed(weights.contiguous().numpy(), _whole(values), mask.contiguous().numpy(), found.numpy())
    return found


def _whole(view: torch.Tensor) -> np.ndarray:
    """The buffer of whose positions this is the beginning: numba's loops are fast on contiguous arrays only."""
    batch, heads, _, size = view.shape
    return view.as_strided((batch, heads, view.stride(1) // size, size), view.stride()).numpy()


def _use_threads() -> None:
    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))


@numba.njit(cache=True)
def _span(mask):
    """First and end of what is not masked at the edges."""
    end = len(mask)
    while end > 0 and mask[end - 1] <= LOWEST:
        end -= 1
    first = 0
    while first < end and mask[first] <= LOWEST:
        first += 1
    return first, end


@_compiled
def _scores(queries, keys, mask, found):
    batch, heads, rows, size = queries.shape
    for pair in numba.prange(batch * heads):
        sequence, head = pair // heads, pair % heads
        query, key, out = queries[sequence, head], keys[sequence, head], found[sequence, head]
        first, end = _span(mask[sequence])
        out[:, :first] = 0
        out[:, end:] = 0
        for position in range(first, end):
            for row in range(rows):
                total = np.float32(0)
                for place in range(size):
                    total += query[row, place] * key[position, place]
                out[row, position] = total


@_compiled
def _mixed(weights, values, mask, found):
    batch, heads, rows, size = found.shape
    for pair in numba.prange(batch * heads):
        sequence, head = pair // heads, pair % heads
        weight, value, out = weights[sequence, head], values[sequence, head], found[sequence, head]
        first, end = _span(mask[sequence])
        whole = first + (end - first) // 4 * 4
        for row in range(rows):
            out[row] = 0
            for at in range(first, whole, 4):  # four positions at a time: the sums are read and written less often
                a, b, c, d = weight[row, at], weight[row, at + 1], weight[row, at + 2], weight[row, at + 3]
                for place in range(size):
                    out[row, place] += (
                        a * value[at, place]
                        + b * value[at + 1, place]
                        + c * value[at + 2, place]
                        + d * value[at + 3, place]
                    )
            for at in range(whole, end):
                for place in range(size):
                    out[row, place] += weight[row, at] * value[at, place]
