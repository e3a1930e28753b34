"""Before weights are loaded: one line on what a run will do, and a warning where the device cannot do it."""

import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuning.core.errors import UserError
from tuning.generation.answering import Task
from tuning.memory import remedies
from tuning.memory.estimator import CannotEstimate, Estimator, Memory
from tuning.memory.run import Run
from tuning.model.adapters import AdapterSpec
from tuning.model.device import device, free_bytes
from tuning.model.model_spec import ModelSpec
from tuning.model.processes import rank, world_size

if TYPE_CHECKING:
    from trl import SFTConfig


@dataclass(frozen=True)
class Plan:
    """What training will need: bytes by part, at the greatest moment; None where they cannot be estimated."""

    needed: Memory | None = None

    def leaves_room(self) -> bool:
        """Whether memory suffices to keep what is freed."""
        return self.needed is None or not _exceeds(self.needed.total)

    def bytes(self) -> int | None:
        """What training will take: with what it keeps, where there is room for that."""
        return self.needed and (self.needed.total if self.leaves_room() else self.needed.least)


def check_device(arguments: dict[str, Any]) -> None:
    """Looks for options that need a CUDA device.

    Args:
        arguments: of TRL's configuration.

    Raises:
        UserError: there is such an option, and no such device.
    """
    optimizer = str(arguments.get("optim", ""))
    if device() == "cuda":
        return
    if "paged" in optimizer:
        raise UserError(f"'train.optim': {optimizer} pages between a GPU and main memory, and there is no CUDA device")
    if arguments.get("fp16"):
        raise UserError("'train.fp16' needs a CUDA device, and there is none")


def describe_training(run: Run, lengths: list[int], strict: bool) -> Plan:
    """Prints one line on what is about to happen, and a warning where it will not fit.

    Args:
        lengths: tokens of each row to train on.
        strict: ``resources.strict``.

    Raises:
        UserError: it will not fit, and ``strict`` is true.
    """
    if rank() > 0:
        return Plan()
    spec, training, model = run.model, run.training, Estimator(run)
    count = steps(training, len(lengths))
    tokens = round(sum(lengths) / len(lengths) * count * batch_size(training))
    longest = min(max(lengths), training.max_length or max(lengths))
    at_once = training.per_device_train_batch_size
    plan = Plan(_needed(model.training, at_once, longest))
    needed = plan.bytes()
    print(
        f"train: {_subject(model)}, on {device()}"
        + (f" x {world_size()} processes" if world_size() > 1 else "")
        + f": {len(lengths)} rows, {count} steps, about {tokens:,} tokens"
        + (f", about {needed / 2**30:.1f} GiB" if needed else ""),
        flush=True,
    )
    if _exceeds(needed):
        found = remedies.remedy(model, at_once, longest, plan.needed.least, free_bytes())
        remedy = f": {found[0]} saves {found[1] / 2**30:.1f} GiB" if found else ""
        _complain(strict, f"training {spec.name} needs about {needed / 2**30:.1f} GiB", remedy)
    return plan


def _subject(model: Estimator) -> str:
    """The model and what is trained of it, with numbers of parameters."""
    spec, adapter = model.run.model, model.run.adapter
    names = [("LoRA", adapter.lora), ("prompt tuning", adapter.prompt_tuning)]
    kind = " and ".join(name for name, config in names if config) or "all weights"
    base = "not quantized"
    if spec.quantization:
        base = f"{4 if spec.quantization.load_in_4bit else 8}-bit base"
    parameters, trained = model.weights.parameters, model.trained.parameters
    share = f"{trained:,} trainable, {trained / parameters:.2%}"
    return f"{spec.name} ({parameters:,} parameters), {kind} ({share}), {base}"


def check_generation(spec: ModelSpec, adapter: AdapterSpec | None, task: Task, strict: bool) -> None:
    """Warns where answering will not fit; ``generation.batch_size: auto`` fits if one prompt does.

    Args:
        adapter: None where the base model answers.
        strict: ``resources.strict``.

    Raises:
        UserError: it will not fit, and ``strict`` is true.
    """
    if rank() > 0:
        return
    generation = task.generation
    at_once = 1 if generation.batch_size == "auto" else generation.batch_size
    model = Estimator(Run(spec, adapter or AdapterSpec(None, None)))
    needed = _needed(model.generation, at_once, task.longest(), generation.arguments["max_new_tokens"])
    if needed and _exceeds(needed.least):
        remedy = "quantization.enabled=true" if at_once == 1 else "generation.batch_size=auto"
        _complain(strict, f"generation needs about {needed.least / 2**30:.1f} GiB", f": try {remedy}")


def _needed(estimate, *size: int) -> Memory | None:
    """The estimate; None, and a word about it, where there is none."""
    try:
        return estimate(*size)
    except CannotEstimate as error:
        print(error, file=sys.stderr)
        return None


def _exceeds(needed: int | None) -> bool:
    free = free_bytes()
    return free is not None and needed is not None and needed > free


def _complain(strict: bool, what: str, remedy: str) -> None:
    text = f"{what}, and {free_bytes() / 2**30:.1f} GiB are free on {device()}{remedy}"
    advice = "`python -m stages.estimate` shows what each part takes and what saves how much"
    if strict:
        raise UserError(f"{text} ('resources.strict' is true). {advice}")
    print(f"warning: {text}. {advice}", file=sys.stderr)


def batch_size(training: "SFTConfig") -> int:
    """Rows to an optimizer step, over all processes."""
    return training.per_device_train_batch_size * training.gradient_accumulation_steps * world_size()


def steps(training: "SFTConfig", rows: int) -> int:
    """Optimizer steps of the whole run."""
    if training.max_steps > 0:
        return training.max_steps
    accumulation = training.gradient_accumulation_steps
    batches = math.ceil(rows / (batch_size(training) // accumulation))
    return math.ceil(math.ceil(batches / accumulation) * training.num_train_epochs)
