"""The device that computes, and the memory that is free on it."""

import os


def device() -> str:
    """The kind of device that this process computes on: ``cuda``, ``mps`` or ``cpu``."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def own_device() -> str:
    """The device of this process: of several that share a machine's GPUs, the one of its local rank."""
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if device() == "cuda" else device()


def free_bytes() -> int | None:
    """Memory that is free on the device; None where it cannot be told."""
    import psutil
    import torch

    if device() == "cuda":
        return torch.cuda.mem_get_info()[0]
    return psutil.virtual_memory().available if device() == "cpu" else None
