"""Bytes that a run needs, from the model's configuration alone; no weights are loaded.

Weights, adapter, gradients and optimizer states are counted from the shapes of the model's own class on the meta
device. What a step makes beside them is found by running it on tensors without data (``tuning.memory.activations``),
keys and values of generation are counted by ``capacity.kv_cache_bytes``.
"""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from tuning.core.allocator import can_keep_freed_memory
from tuning.core.errors import UserError
from tuning.generation.kv_cache import cache_positions, kv_cache_bytes
from tuning.memory import activations, simulated_step
from tuning.memory.run import Run
from tuning.memory.weights import Trained, Weights, base_weights, packed_bytes, trained_parameters

# What the process holds on a CPU beside tensors: interpreter and libraries, whose code is in memory once it has run,
# buffers of the matrix products, and what the allocator cannot use again. As measured by bench/memory_accuracy.py;
# CUDA's peak counts tensors alone.
TRAINING_RUNTIME, GENERATION_RUNTIME = 600 << 20, 570 << 20
# On Linux the stages keep freed memory (tuning.core.allocator). In training this adds a fraction of what the steps
# allocate, since batches of different lengths leave gaps, and more in half precision; in generation almost nothing.
# Measured in runs of the pipeline.
KEPT, HALF_KEPT = 0.54, 1.13


class CannotEstimate(Exception):
    """A step of this model cannot be simulated, because its code reads the values of tensors."""


@contextmanager
def _without_data():
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # the code of an unknown model may raise anything
        raise CannotEstimate(f"memory cannot be estimated ({type(error).__name__}: {error})") from error


@dataclass(frozen=True)
class Memory:
    """Peak memory in bytes, by part; the parts add up to the peak.

    Attributes:
        weights: of the base model, or of the whole model where it is trained.
        adapter: LoRA's matrices and prompt tuning's virtual tokens.
        activations: what the layers hold for backward, and temporary tensors.
        logits: what the head holds: tiles of logits, their probabilities and gradients.
        runtime: what the process holds beside tensors, on a CPU.
        loading: what loading needs beyond all later steps, on a CPU: pages of the file beside converted weights.
        kept: freed memory that is not given back, on a CPU.
    """

    weights: int
    adapter: int = 0
    gradients: int = 0
    optimizer: int = 0
    activations: int = 0
    logits: int = 0
    kv_cache: int = 0
    runtime: int = 0
    loading: int = 0
    kept: int = 0

    @property
    def total(self) -> int:
        return sum(vars(self).values())

    @property
    def tensors(self) -> int:
        """The bytes in tensors: without runtime, loading and kept memory."""
        return self.total - self.runtime - self.loading - self.kept

    @property
    def least(self) -> int:
        """The bytes needed at least: where memory is short, freed memory is returned and file pages are dropped."""
        return self.total - self.kept - self.loading


class Estimator:
    """Answers how much memory a run needs.

    Args:
        run: the model, what is trained of it, and how.
    """

    def __init__(self, run: Run):
        self.run, self.config = run, run.model.config
        self.stored = self.config.dtype or run.model.dtype  # noted now: models made of the configuration set it

    @cached_property
    def weights(self) -> Weights:
        return base_weights(self.run)

    @cached_property
    def trained(self) -> Trained:
        return trained_parameters(self.run)

    @cached_property
    def law(self) -> activations.Law:
        with _without_data():
            return activations.law(self.run)

    @property
    def folds(self) -> bool:
        """Whether training is estimated from short rows of as many tokens, so that rows can be of any length."""
        return self.run.model.architecture.loops and not activations.holds_pairs(self.run)

    def training(self, batch: int, length: int) -> Memory:
        """Training with ``batch`` rows of ``length`` tokens to a forward pass.

        Raises:
            UserError: the adapter does not fit.
            CannotEstimate: a step of this model cannot be run without data.
        """
        with _without_data():
            if self.folds:
                return self._training(activations.folded(self.run, batch, length))
            if self.run.model.architecture.loops:
                return self.training_by_law(batch, length)
            return self._training(next(activations.phases(self.run, [(batch, length)])))

    def training_by_law(self, batch: int, length: int) -> Memory:
        """As ``training``, but interpolated instead of simulated at this size; faster for many sizes."""
        return self._training(self.law.phases(batch, length))

    def _training(self, phases: dict[str, simulated_step.Phase]) -> Memory:
        phase = max(phases.values(), key=lambda phase: phase.peak)
        parts = round(phase.gradients), self.trained.optimizer, round(phase.layers), round(phase.logits)
        step = Memory(self.weights.training, self.trained.adapter, *parts)
        share = HALF_KEPT if self.run.half == "bfloat16" else KEPT
        return self._in_process(step, TRAINING_RUNTIME, round(share * (phase.layers + phase.logits)))

    def _in_process(self, step: Memory, runtime: int, kept: int = 0) -> Memory:
        """The step with what a process on a CPU holds beside its tensors.

        Weights in the file's own dtype are the mapped pages of the file, which stay beside packed ones; converted
        weights exist beside those pages while they are loaded.
        """
        if self.run.model.device != "cpu":
            return step
        loading = 0
        if self.run.model.quantization or self.stored != self.run.model.dtype:
            file = self.weights.parameters * self.stored.itemsize
            loading = max(0, file + self.weights.generation - step.total)
        kept = max(0, kept - loading) if can_keep_freed_memory() else 0
        return replace(step, runtime=runtime, loading=loading, kept=kept)

    def generation(self, batch: int, prompt: int, new_tokens: int) -> Memory:
        """Generation of ``new_tokens`` after prompts of ``prompt`` tokens, ``batch`` at once.

        Raises:
            CannotEstimate: as ``training``.
        """
        model, prompt = self.run.model, prompt + self.run.adapter.virtual_tokens
        positions = cache_positions(prompt + new_tokens)
        with _without_data():
            temporary = simulated_step.generation(model, batch, prompt, positions)
            cache = kv_cache_bytes(self.config, batch, positions, model.dtype.itemsize)
            adapter = self.trained.loaded if model.quantization else 0
            packed, copied = packed_bytes(model)
        step = Memory(self.weights.generation + copied, adapter, activations=temporary, kv_cache=cache)
        found = self._in_process(step, GENERATION_RUNTIME)
        return replace(found, loading=packed) if packed and self.stored == model.dtype else found
