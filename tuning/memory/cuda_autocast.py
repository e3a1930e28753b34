"""Mixed precision as CUDA has it, for a step that is simulated on the CPU.

CUDA's autocast computes more in float32 than the CPU's does: layer norms and powers among others, and with the powers
the GELU of models like phi. The list is that of torch's documentation of ``torch.amp``, as far as the forward pass of a
language model may need it.
"""

from contextlib import ExitStack, contextmanager

import torch
from torch.overrides import TorchFunctionMode

from tuning.memory.run import Run

# Functions whose inputs are cast to float32, and those that are told to compute in it.
CAST = {
    *("layer_norm", "group_norm", "rms_norm", "pow", "__pow__", "__rpow__", "exp", "expm1", "log", "log2", "log10"),
    *("log1p", "rsqrt", "reciprocal", "softplus", "logsumexp", "cosine_similarity", "norm"),
}
TOLD = {"softmax", "log_softmax", "cumsum", "cumprod", "sum", "prod"}
HALVES = (torch.float16, torch.bfloat16)


@contextmanager
def mixed_precision(run: Run):
    """Inside the block, a step is computed in the dtypes that it has on the run's device."""
    with ExitStack() as stack:
        if run.half:
            stack.enter_context(torch.autocast("cpu", getattr(torch, run.half)))
        if run.half and run.model.device == "cuda":
            stack.enter_context(InFloat32())
        yield


class InFloat32(TorchFunctionMode):
    """Lets the functions that CUDA's autocast runs in float32 be run so."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        if not torch.is_autocast_enabled("cpu") or kwargs.get("out") is not None:
            return function(*args, **kwargs)
        if name in CAST:
            args = [_raised(each) for each in args]
            kwargs = {key: _raised(each) for key, each in kwargs.items()}
        elif name in TOLD and args and _is_half(args[0]) and kwargs.get("dtype") is None:
            kwargs = {**kwargs, "dtype": torch.float32}
        return function(*args, **kwargs)


def _is_half(value) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype in HALVES


def _raised(value):
    return value.float() if _is_half(value) else value
