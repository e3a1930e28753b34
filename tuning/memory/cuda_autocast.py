"""Mixed precision as CUDA has it, for a step that is simulated on the CPU.

CUDA's autocast computes more in float32 than the CPU's does: layer norms and powers among others, and with the powers
the GELU of models like phi. The list is that of torch's documentation of ``torch.amp``, as far as the forward pass of a
language model may need it.
"""

from contextlib import ExitStack, contextmanager
from functools import wraps

import torch

from tuning.memory.run import Run

# Functions whose inputs are cast to float32, and those that are told to compute in it.
CAST = (
    *("layer_norm", "group_norm", "rms_norm", "pow", "__pow__", "__rpow__", "exp", "expm1", "log", "log2", "log10"),
    *("log1p", "rsqrt", "reciprocal", "softplus", "logsumexp", "cosine_similarity"),
)
TOLD = ("softmax", "log_softmax", "cumsum", "sum")
OWNERS = (torch, torch.Tensor, torch.nn.functional)


@contextmanager
def mixed_precision(run: Run):
    """Inside the block, a step is computed in the dtypes that it has on the run's device."""
    with ExitStack() as stack:
        if run.half:
            stack.enter_context(torch.autocast("cpu", getattr(torch, run.half)))
        if run.half and run.model.device == "cuda":
            stack.enter_context(more_in_float32())
        yield


@contextmanager
def more_in_float32():
    """Inside the block, the functions that CUDA's autocast runs in float32 are run so under the CPU's.

    They are replaced, and not caught by a mode, which torch leaves for the time of a backward pass, and so for what
    checkpointing computes again.
    """
    found = [(owner, name) for owner in OWNERS for name in (*CAST, *TOLD) if hasattr(owner, name)]
    own = [(owner, name, vars(owner).get(name)) for owner, name in found]
    try:
        for owner, name in found:
            setattr(owner, name, _in_float32(getattr(owner, name), told=name in TOLD))
        yield
    finally:
        for owner, name, before in own:
            delattr(owner, name) if before is None else setattr(owner, name, before)


def _in_float32(function, told: bool):
    """The function in float32 where its inputs are halves and autocast is on."""

    @wraps(function)
    def run(*args, **kwargs):
        if not torch.is_autocast_enabled("cpu") or kwargs.get("out") is not None:
            return function(*args, **kwargs)
        if told and _is_half(args[0]) and kwargs.get("dtype") is None:
            kwargs["dtype"] = torch.float32
        elif not told:
            args, kwargs = map(_raised, args), {name: _raised(each) for name, each in kwargs.items()}
        return function(*args, **kwargs)

    return run


def _is_half(value) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype in (torch.float16, torch.bfloat16)


def _raised(value):
    return value.float() if _is_half(value) else value
