"""The device that computes, and the memory that is free on it."""

import os
from contextlib import contextmanager


def device() -> str:
    """The kind of device that this process computes on: ``cuda``, ``mps`` or ``cpu``."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def own_device() -> str:
    """The device of this process: of several that share a machine's GPUs, the one of its local rank."""
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if device() == "cuda" else device()


def has_tf32() -> bool:
    """Whether the device multiplies float32 matrices in TF32: several times as fast, with ten bits of mantissa.

    NVIDIA's GPUs do so from compute capability 8 on.
    """
    import torch

    if device() != "cuda" or torch.version.cuda is None:
        return False
    return torch.cuda.get_device_properties(torch.cuda.current_device()).major >= 8


def has_cpu_bfloat16() -> bool:
    """Whether the CPU has instructions that multiply bfloat16: AVX512-BF16 or AMX.

    With them a product takes a quarter to a half of the time of float32; without them bfloat16 is slower.
    """
    import torch

    found = torch.cpu.get_capabilities()
    return bool(found.get("avx512_bf16") or found.get("amx_bf16"))


@contextmanager
def products_in_tf32(wanted: bool = True):
    """Inside the block, float32 matrices are multiplied in TF32 where the device has it and it is wanted."""
    import torch

    if not has_tf32():
        yield
        return
    products = torch.backends.cuda.matmul
    before, products.fp32_precision = products.fp32_precision, "tf32" if wanted else "ieee"
    try:
        yield
    finally:
        products.fp32_precision = before


def leave_out_cudnn_attention() -> None:
    """On a GPU, takes cuDNN's attention from the kernels that torch chooses from.

    It makes a plan for every new shape, and here the lengths change from batch to batch (docs/performance.md).
    """
    import torch

    if torch.cuda.is_available():
        torch.backends.cuda.enable_cudnn_sdp(False)


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
