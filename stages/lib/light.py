"""Importing transformers, peft and trl in two thirds of the time, for a process that only estimates.

With them come a compiler, symbolic algebra, distributed tensors, data frames and kernels of quantization, of which
running a step on tensors without data uses nothing. Placeholders stand where these would be.
"""

import gc
import importlib
import importlib.metadata
import sys
from dataclasses import fields
from importlib.machinery import ModuleSpec
from operator import attrgetter
from pathlib import Path
from types import ModuleType

_ABSENT = ("bitsandbytes", "scipy")  # as if they were not installed, which the libraries allow for
_REPLACED = (
    "torch._dynamo",
    "torch._dynamo.source",
    "torch.distributed.tensor",
    "pandas",
    "datasets",
    "sympy",  # for shapes that are not numbers yet
    "torch.utils._sympy",
    *(f"torch.utils._sympy.{name}" for name in ("functions", "numbers", "printers", "singleton_int")),
    *(f"torch.utils._sympy.{name}" for name in ("solve", "symbol", "value_ranges")),
)


class _Nothing:
    """A class without instances; called as a decorator, one that leaves a function as it is."""

    def __new__(cls, function=None, *_, **__):
        return function if callable(function) else cls


class _Placeholder(ModuleType):
    """A module in which every public name is there, and means nothing.

    Args:
        path: where the modules below it are, which are imported as ever.
    """

    def __init__(self, name: str, path: Path):
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None, is_package=True)
        self.__path__ = [str(path)]
        self.__version__ = "0"

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


class _Distributions(dict):
    """Says of every package that a distribution of its own name has it."""

    def __missing__(self, package: str) -> list[str]:
        return [package]


def import_libraries() -> None:
    """Imports what an estimate needs; the process is good for nothing else afterwards.

    Nothing is replaced in a process that has the real modules already.
    """
    gc.disable()  # looking for garbage among all that imports make takes a quarter of the time
    importlib.metadata.packages_distributions = _Distributions  # which reads the lists of files of all packages
    for name in _ABSENT:
        sys.modules.setdefault(name, None)
    import torch

    torch.distributed.is_available = lambda: False
    packages = Path(torch.__file__).parents[1]
    for name in _REPLACED:
        module = sys.modules.setdefault(name, _Placeholder(name, packages.joinpath(*name.split("."))))
        parent, _, own = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], own, module)
    models = sys.modules.setdefault("transformers.models", ModuleType("transformers.models"))
    models.__path__ = [str(packages / "transformers" / "models")]  # without reading what each of them exports
    for name in ("transformers.modeling_utils", "peft", "trl.trainer.utils", "torch.fx.experimental.symbolic_shapes"):
        importlib.import_module(name)
    _compare_at_once()


def _compare_at_once() -> None:
    """Has fake tensors compared as one tuple each, since no size is a symbol here, and no tensor sparse.

    torch looks up what an operation gives by the tensors that it takes; value by value, that is a third of a step.
    """
    from torch._subclasses import fake_tensor

    values = attrgetter(*(field.name for field in fields(fake_tensor.TensorMetadata)))
    fake_tensor.TensorMetadata._flatten_into = lambda self, result, *_: result.append(values(self))
    fake_tensor.is_sparse_any = fake_tensor.is_sparse_compressed = lambda _: False
