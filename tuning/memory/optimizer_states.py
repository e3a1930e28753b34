"""Bytes of an optimizer's states, and copies that it makes while it updates."""

from collections.abc import Callable

# bitsandbytes keeps small tensors in 32 bits, and scales 8-bit states in blocks of 256 by a float32 each.
_SMALL, _BLOCK = 4096, 256


def _per_number(tensors: float) -> Callable:
    """States of the parameter's shape and dtype, and the step count."""
    return lambda parameter: tensors * parameter.nbytes + 4


def _eight_bits(states: int) -> Callable:
    def count(parameter) -> float:
        if parameter.numel() < _SMALL:
            return states * 4 * parameter.numel()
        return states * (parameter.numel() + 4 * -(-parameter.numel() // _BLOCK))

    return count


def _factored(parameter) -> float:
    """One number per row and per column of a matrix, one per element of a vector (Shazeer and Stern 2018)."""
    if parameter.dim() < 2:
        return 4 * parameter.numel()
    rows, columns = parameter.shape[-2:]
    return 4 * (parameter.numel() // columns + parameter.numel() // rows)


# Keys are the values of ``train.optim`` (transformers.training_args.OptimizerNames). Pages of paged states may lie in
# main memory, so for these the number is an upper bound of what the device holds.
_STATES: dict[str, Callable] = {
    "adamw_torch": _per_number(2),
    "adamw_torch_fused": _per_number(2),
    "adamw_bnb_8bit": _eight_bits(2),
    "adamw_8bit": _eight_bits(2),
    "paged_adamw_8bit": _eight_bits(2),
    "paged_adamw": lambda parameter: 8 * parameter.numel(),
    "paged_adamw_32bit": lambda parameter: 8 * parameter.numel(),
    "lion_32bit": lambda parameter: 4 * parameter.numel(),
    "lion_8bit": _eight_bits(1),
    "paged_lion_32bit": lambda parameter: 4 * parameter.numel(),
    "paged_lion_8bit": _eight_bits(1),
    "adafactor": _factored,
    "sgd": lambda parameter: 0,
    "rmsprop": _per_number(1),
    "adagrad": _per_number(1),
}

# torch's own optimizers update all parameters in one go on CUDA (``foreach``). Each of their steps that is not in place
# is then a copy of all that is trained: the roots of Adam's second moments, for one. Copies of the greatest moment,
# and how many more with a weight decay that is added to the gradients.
_COPIES = {"adamw_torch": (1, 0), "rmsprop": (1, 1), "adagrad": (2, 0), "sgd": (0, 1)}


def whole_copies(name: str, weight_decay: float) -> int:
    """How many copies of all that is trained the optimizer makes on CUDA; 0 where it updates one after another.

    Args:
        name: ``train.optim``.
    """
    copies, more = _COPIES.get(str(getattr(name, "value", name)), (0, 0))
    return copies + (more if weight_decay else 0)


def state_bytes(name: str, parameters: list) -> int:
    """Bytes of the states for these parameters; of an optimizer that is not known, those of Adam.

    Args:
        name: ``train.optim``.
        parameters: those that are trained.
    """
    each = _STATES.get(str(getattr(name, "value", name)), _STATES["adamw_torch"])
    return round(sum(each(parameter) for parameter in parameters))
