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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a tensor found no memory, on a GPU or on the CPU."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def free_unused() -> None:
    """Gives back the memory that torch keeps for tensors to come."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_bytes() -> int | None:
    """Memory that is free on the device; None where it cannot be told."""
    import psutil
    import torch

    if device() == "cuda":
        return torch.cuda.mem_get_info()[0]
    return psutil.virtual_memory().available if device() == "cpu" else None
