"""Runs a step of training or generation on tensors without data, to count the memory it holds.

The step is the trainer's own: the model of the configuration's class with its adapter, TRL's tiled head
(``add_fused_lm_head``), backward. On fake tensors an operation costs microseconds and no memory, and autograd saves
what it would save; the bytes alive are counted (``TensorBytes``). The phases of training are:

- ``head``: until the gradient reaches the last layer. All layers' saved tensors, and the tiles of logits.
- ``last``: backward of the layers but the first. All that is saved, and one layer's temporary tensors.
- ``first``: backward of the first layer. All gradients, which for a model trained whole are the greater part.
- ``update``: the optimizer's temporary tensors; on CUDA, torch's copy all that is trained.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from tuning.generation.kv_cache import PREFILL, layer_configs
from tuning.memory.fake_model import (
    base,
    every_position,
    fake_tensors,
    make_fake,
    narrow_head,
    tiles_in_place,
    to_train,
)
from tuning.memory.optimizer_states import whole_copies
from tuning.memory.run import Run
from tuning.model.architectures import architecture, period, shortened
from tuning.model.model_spec import ModelSpec

PHASES = ("head", "last", "first", "update")
# Row length for models whose layers loop over the tokens of a row, so that a step takes time with its length.
FOLDED = 4


@dataclass(frozen=True)
class Phase:
    """The peak of a phase in bytes, beside weights, adapter and optimizer states.

    Attributes:
        layers: what the layers hold.
        gradients: of parameters.
        logits: what the head holds.
    """

    layers: float
    gradients: float
    logits: float = 0.0

    @property
    def peak(self) -> float:
        return self.layers + self.gradients + self.logits

    def plus(self, times: float, layers: float, gradients: float) -> "Phase":
        """With so many times what further layers add."""
        return Phase(self.layers + times * layers, self.gradients + times * gradients, self.logits)


def training_step(run: Run, times: float, size: tuple[int, int], every: bool = False) -> dict[str, Phase]:
    """The phases of a step, counted with the configuration's own layers, and extrapolated to more.

    Args:
        times: how often the layers but the first are to come besides.
        size: batch and length.
        every: whether each token has one to predict after it, also the last of a row.
    """
    import torch

    from tuning.memory.cuda_autocast import mixed_precision
    from tuning.memory.tensor_bytes import TensorBytes

    with torch.device("meta"):
        model = to_train(run)
    batch, length = size
    counter = TensorBytes()
    head = tiles_in_place() if run.model.device == "cuda" else every_position(run.adapter.virtual_tokens)
    with fake_tensors(), mixed_precision(run), head:
        make_fake(model)
        narrow_head(model, run)
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        ids = torch.zeros(batch, length, dtype=torch.long)
        if run.training.gradient_accumulation_steps > 1:  # gradients of earlier batches are there already
            for parameter in trained:
                parameter.grad = torch.zeros_like(parameter)
        with counter:
            counter.note_weights(model, counted=False)
            for parameter in trained:
                if parameter.grad is not None:
                    counter.note(parameter.grad)
            return _step(model, ids, counter, times, every, _copies(run))


def _step(model, ids, counter, times: float, every: bool, copies: int) -> dict[str, Phase]:
    """Runs forward and backward, and returns the peak of each phase."""
    import torch

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    layers, accumulates = _layers(model), any(parameter.grad is not None for parameter in trained)
    found, saved, read, handles = {}, {}, {}, []

    def close(name):
        if name in found:
            return
        gradients = sum(parameter.grad.nbytes for parameter in trained if parameter.grad is not None)
        peak = counter.restart()
        logits = max(0, peak - gradients - saved[name]) if name == "head" else 0
        found[name] = Phase(peak - gradients - logits, gradients, logits)

    def watch(name):
        def after(_, given, output):
            hidden = output[0] if isinstance(output, tuple) else output
            if name in saved:  # again, where checkpointing computes it again
                return
            saved[name] = counter.live
            read[name] = [(weakref.ref(tensor.untyped_storage()), tensor.nbytes) for tensor in given[:1]]
            if hidden.requires_grad:
                hidden.register_hook(lambda gradient: close(name))

        return after

    handles.append(layers[-1].register_forward_hook(watch("head")))
    handles.append(layers[0].register_forward_hook(watch("last")))
    mask = torch.ones_like(ids)
    labels = {"shift_labels" if every else "labels": ids}
    output = model(input_ids=ids, attention_mask=mask, **labels, fused_lm_head=True)
    # What all layers but the first save. What the last layer has read may still be alive without being saved, and is
    # subtracted.
    more = saved["head"] - saved["last"] - sum(size for held, size in read["head"] if held() is None)
    loss = -output.log_probs.sum() / ids.numel()
    balance = getattr(output, "aux_loss", None)  # of experts
    loss = loss if balance is None else loss + balance
    del output, balance
    loss.backward()
    del loss
    for handle in handles:
        handle.remove()
    close("first")
    gradients = found["first"].gradients
    sizes = [parameter.nbytes for parameter in trained]
    found["update"] = Phase(copies * sum(sizes) or 2 * max(sizes, default=0), gradients)
    added, empty = _added(layers[1:], more, accumulates, copies), Phase(0, 0)
    return {name: found.get(name, empty).plus(times, *added[name]) for name in PHASES}


def _copies(run: Run) -> int:
    """How often the optimizer copies all that it updates at once, as torch's do on CUDA; 0: it updates one by one."""
    return whole_copies(run.training.optim, run.training.weight_decay) if run.model.device == "cuda" else 0


def _added(layers, saved: int, accumulates: bool, copies: int) -> dict[str, tuple[int, int]]:
    """What each layer adds to each phase: saved tensors until its backward pass, gradients and copies afterwards."""
    trained = [parameter for layer in layers for parameter in layer.parameters() if parameter.grad is not None]
    gradients = sum(parameter.grad.nbytes for parameter in trained)
    return {
        "head": (saved, gradients if accumulates else 0),
        "last": (saved if accumulates else max(0, saved - gradients), gradients),
        "first": (0, gradients),
        "update": (copies * sum(parameter.nbytes for parameter in trained), gradients),
    }


def _layers(model):
    """The decoder's layers: its first list of as many modules as the configuration says, or else its longest.

    Experts and projections are listed too, and the towers for images and sounds beside it.
    """
    count = model.config.get_text_config().num_hidden_layers
    lists = _lists(model.get_decoder()) or _lists(model)
    return next((found for found in lists if len(found) == count), max(lists, key=len))


def _lists(model) -> list:
    import torch

    return [module for module in model.modules() if isinstance(module, torch.nn.ModuleList)]


def generation(spec: ModelSpec, batch: int, prompt: int, positions: int) -> int:
    """Bytes of temporary tensors while prompts are read or answers are written, beside weights and cache.

    Args:
        batch: prompts at once.
        prompt: tokens of the longest.
        positions: keys that a step reads at the most.
    """
    import torch

    from tuning.memory import bitsandbytes_layers

    # A few layers are enough, since each frees its temporary tensors.
    text = spec.config.get_text_config()
    few = shortened(spec.config, min(text.num_hidden_layers, max(2, period(spec.config))))
    with torch.device("meta"):
        model = base(replace(spec, config=few)).eval()
    if spec.quantization:
        bitsandbytes_layers.imitate(model, spec.quantization)
    at_once = max(1, min(batch, PREFILL // prompt))
    with fake_tensors(), torch.no_grad():
        make_fake(model)
        peak = partial(_peak, model)
        reading, writing = _reading(peak, spec.config, at_once, prompt), peak(batch, 1)
    heads = max(getattr(layer, "num_attention_heads", 0) for layer in layer_configs(text))  # Mamba and RWKV have none
    scores = 3 * 4 * batch * heads * positions  # scores, masked scores, and weights
    return max(reading, writing + scores)


def _peak(model, rows: int, length: int) -> int:
    """Bytes beside the weights at the greatest moment of reading so many tokens."""
    import torch

    from tuning.memory.tensor_bytes import TensorBytes

    ids = torch.zeros(rows, length, dtype=torch.long)
    with TensorBytes() as counter:
        counter.note_weights(model, counted=False)
        model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, logits_to_keep=1)
    return counter.peak


def _reading(peak: Callable[[int, int], int], config, rows: int, length: int) -> int:
    """The peak of reading prompts; for models that loop over tokens, extrapolated from two short prompts."""
    if not architecture(config.model_type).loops or length <= 32:
        return peak(rows, length)
    at_16, at_32 = peak(rows, 16), peak(rows, 32)
    return at_16 + (at_32 - at_16) * (length - 16) // 16
