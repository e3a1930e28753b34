"""Counts the bytes of tensors that are alive, as each operation makes them."""

import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class TensorBytes(TorchDispatchMode):
    """Inside the block, notes the storages that operations make, and when they are freed.

    Tensors may be real or fake (``torch._subclasses.FakeTensorMode``, entered first). What an operation uses and
    frees within itself, such as packed matrices of a product, is not seen, as it is not by torch's profiler.

    Attributes:
        live: bytes of what was made in the block, or noted, and is alive.
        peak: the greatest ``live`` since the block began or ``restart`` was called.
    """

    def __init__(self):
        super().__init__()
        self.live = self.peak = 0
        self._known: dict[int, weakref.ref] = {}

    def note_weights(self, model: torch.nn.Module, counted: bool = True) -> None:
        """Registers a model's parameters and buffers: counted, or ignored together with all their views."""
        for tensor in [*model.parameters(), *model.buffers()]:
            self.note(tensor, counted)

    def note(self, tensor: torch.Tensor, counted: bool = True) -> None:
        """Registers a tensor's storage once, with its bytes or with zero.

        A tensor in oneDNN's own layout shows no storage and shares none: it is registered itself.
        """
        storage = tensor if tensor.is_mkldnn else tensor.untyped_storage()
        size = tensor.nbytes if tensor.is_mkldnn else storage.nbytes()
        key, size = id(storage), size if counted else 0
        if key in self._known:
            return

        def gone(_):
            self.live -= size
            self._known.pop(key, None)

        self._known[key] = weakref.ref(storage, gone)
        self.live += size
        self.peak = max(self.peak, self.live)

    def restart(self) -> int:
        """Returns the peak so far and starts a new one."""
        peak, self.peak = self.peak, self.live
        return peak

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.prim.device.default:  # the most frequent call on fake tensors; it allocates nothing
            return args[0].fake_device
        result = function(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, torch.Tensor):
                self.note(leaf)
        return result
