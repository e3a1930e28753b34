"""Keeping freed memory in the process, or giving it back.

By default glibc asks the system for the memory of every large tensor and returns it when the tensor is freed, so that
each step pays for millions of page faults. Keeping freed memory makes training on a CPU about a third faster; the
process then holds about 1.5 times what a step needs. glibc raises its threshold for "large" up to 32 MiB as tensors are
freed, and smaller tensors then leave gaps.
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
    """Makes the process keep freed memory. Call it before large tensors are made; without glibc it does nothing."""
    if mallopt := _mallopt():
        mallopt(_MMAP_MAX, 0)  # no mapping of its own for a large block
        mallopt(_TRIM_THRESHOLD, -1)  # the largest unsigned value: never return the end of the heap
        mallopt(_TOP_PAD, 256 << 20)  # grow the heap in large steps, bytes


def give_back_freed_memory() -> None:
    """Makes the process return every freed tensor of 1 MiB or more. Call it early, where memory is short."""
    if mallopt := _mallopt():
        mallopt(_MMAP_THRESHOLD, 1 << 20)  # a fixed threshold, which glibc no longer raises


def trim() -> None:
    """Returns to the system what is free now, though freed memory is kept otherwise."""
    if _mallopt():
        ctypes.CDLL(None).malloc_trim(0)
