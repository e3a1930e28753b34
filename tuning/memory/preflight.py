"""Before weights are loaded: one line on what a run will do, and a warning where the device cannot do it."""

import math
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuning.core.errors import UserError
from tuning.memory import fit, remedies
from tuning.memory.estimator import CannotEstimate, Estimator, Memory
from tuning.memory.run import Run
from tuning.model.adapters import AdapterSpec
from tuning.model.device import device, free_bytes
from tuning.model.model_spec import ModelSpec
from tuning.model.processes import rank, world_size

if TYPE_CHECKING:
    from trl import SFTConfig

    from tuning.generation.task import Task


@dataclass(frozen=True)
class Plan:
    """How training goes.

    Attributes:
        run: with a batch and checkpointing that fit, where these are ``auto``.
        needed: bytes by part, at the greatest moment; None where they cannot be estimated.
    """

    run: Run
    needed: Memory | None = None

    def leaves_room(self) -> bool:
        """Whether memory suffices to keep what is freed."""
        return self.needed is None or not _exceeds(self.needed.total)

    def bytes(self) -> int | None:
        """The peak that training will reach; it includes kept memory where there is room for it."""
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


def plan_training(run: Run, lengths: list[int], automatic: Collection[str], strict: bool) -> Plan:
    """Makes training fit, prints one line on what is about to happen, and a warning where it will not fit.

    Args:
        lengths: tokens of each row to train on.
        automatic: keys of ``train`` that are ``auto``.
        strict: ``resources.strict``.

    Raises:
        UserError: it will not fit, and ``strict`` is true.
    """
    if rank() > 0:
        return Plan(run)
    longest, limit = max(lengths), run.training.max_length
    if limit is not None:  # packed rows fill a sequence
        longest = min(sum(lengths) if run.training.packing else longest, limit)
    may = fit.Open(
        batch={"per_device_train_batch_size", "gradient_accumulation_steps"} <= set(automatic),
        checkpointing="gradient_checkpointing" in automatic,
    )
    model, memory = _fitted(run, longest, may)
    plan = Plan(model.run, memory)
    spec, training = model.run.model, model.run.training
    count = steps(training, len(lengths))
    tokens = round(sum(lengths) / len(lengths) * count * batch_size(training))
    needed = plan.bytes()
    print(
        f"train: {_subject(model)}, on {device()}"
        + (f" x {world_size()} processes" if world_size() > 1 else "")
        + f": {len(lengths)} rows, {count} steps, about {tokens:,} tokens"
        + (f", about {needed / 2**30:.1f} GiB" if needed else "")
        + _became(training, automatic),
        flush=True,
    )
    if _exceeds(needed):
        at_once = training.per_device_train_batch_size
        found = remedies.remedy(model, at_once, longest, plan.needed.least, free_bytes())
        remedy = f": {found[0]} saves {found[1] / 2**30:.1f} GiB" if found else ""
        _complain(strict, f"training {spec.name} needs about {needed / 2**30:.1f} GiB", remedy)
    return plan


def _fitted(run: Run, longest: int, may: fit.Open) -> tuple[Estimator, Memory | None]:
    """The way to train that fits; as it is, and a word about it, where memory cannot be estimated."""
    try:
        return fit.fitted(run, longest, free_bytes(), may)
    except CannotEstimate as error:
        print(error, file=sys.stderr)
        return Estimator(run), None


def _became(training: "SFTConfig", automatic: Collection[str]) -> str:
    """What the keys that are ``auto`` have become."""
    found = {name: getattr(training, name) for name in automatic}
    return "; auto: " + ", ".join(f"{name} {shown(value)}" for name, value in found.items()) if found else ""


def shown(value: Any) -> str:
    """A value as params.yaml would have it."""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}"


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


def check_generation(spec: ModelSpec, adapter: AdapterSpec | None, task: "Task", strict: bool) -> None:
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
    """The estimate; None, with a printed note, where there is none."""
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
