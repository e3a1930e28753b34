"""Keeping freed memory in the process, or giving it back.

By default glibc asks the system for every large tensor and gives it back when the tensor is freed, so that each step
pays for millions of page faults: kept, training on a CPU is about a third faster, and the process half as large again
as what a step makes. What is large, glibc raises up to 32 MiB as tensors are freed; smaller ones then leave gaps.
See mallopt(3): M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD.
"""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4


def _mallopt():
    """The C library's function, or None where it is not glibc."""
    return getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform.startswith("linux") else None


def can_keep_freed_memory() -> bool:
    """Whether ``keep_freed_memory`` does anything here."""
    return _mallopt() is not None


def keep_freed_memory() -> None:
    """To be called before large tensors are made; does nothing where the C library is not glibc."""
    if mallopt := _mallopt():
        mallopt(_MMAP_MAX, 0)  # no mapping of its own for a large block
        mallopt(_TRIM_THRESHOLD, -1)  # as unsigned: never give the heap's end back
        mallopt(_TOP_PAD, 256 << 20)  # grow the heap in large steps, bytes


def give_back_freed_memory() -> None:
    """To be called before large tensors are made, where memory is short: every tensor of a MiB or more goes back."""
    if mallopt := _mallopt():
        mallopt(_MMAP_THRESHOLD, 1 << 20)  # and no longer raised
