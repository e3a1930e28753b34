"""Values of the section ``train`` that are ``auto``, and what each becomes."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from tuning.config.own_keys import Train
from tuning.model.adapters import AdapterSpec
from tuning.model.device import device, has_cpu_bfloat16, has_tf32
from tuning.model.model_spec import ModelSpec
from tuning.model.processes import world_size

if TYPE_CHECKING:
    from trl import SFTConfig

AUTO = "auto"
_OF_DEVICE = ("bf16", "tf32", "gradient_checkpointing", "per_device_train_batch_size", "gradient_accumulation_steps")
# The rate is fitted for LoRA with this ``lora_alpha``, and is the same for every rank; full fine-tuning takes a tenth
# (Schulman et al. 2025, "LoRA Without Regret"; the fit is that of Thinking Machines' cookbook for its models).
RATE, ALPHA, WIDTH = 5e-4, 32, 2000
# How the rate falls with the model's hidden size, by the beginning of its model_type. Only these two families have
# been fitted; others take whichever gives the lower rate, since too high a rate does more harm than too low a one.
EXPONENTS = {"llama": 0.781, "qwen": 0.0775}
# The fit is for long runs. Runs of a few hundred steps stand more: with the embedded model the validation loss is
# lowest from 0.8 to 1.5 times the fit, and a base model's scores rise beyond it (docs/experiments.md, five rates).
FEW_STEPS = 1.5
LARGE = 1_000_000_000  # parameters from which on a step takes more rows
ROWS, ROWS_OF_LARGE = 4, 16


def resolved(arguments: dict[str, Any], rows: int | str, spec: ModelSpec, adapter: AdapterSpec) -> dict[str, Any]:
    """The arguments of SFTConfig with every ``auto`` replaced.

    All rows of an optimizer step are first taken in one batch without checkpointing; ``tuning.memory.fit`` divides them
    where memory does not suffice.

    Args:
        arguments: of ``train``, in which values may be ``auto``.
        rows: ``train.effective_batch_size``.
    """
    found = dict(arguments)
    if found.get("learning_rate") == AUTO:
        found["learning_rate"] = learning_rate(spec, adapter)
    if found.get("bf16") == AUTO:
        found["bf16"] = computes_in_bfloat16(spec) and not found.get("fp16")
    if found.get("tf32") in (None, AUTO):
        found["tf32"] = has_tf32() and spec.device == "cuda"
    if found.get("gradient_checkpointing") == AUTO:
        found["gradient_checkpointing"] = False
    rows = effective_batch_size(rows, spec)
    own = max(1, rows // world_size())
    batch, steps = found.get("per_device_train_batch_size"), found.get("gradient_accumulation_steps")
    if batch == AUTO:
        found["per_device_train_batch_size"] = batch = own if steps in (AUTO, None) else max(1, own // steps)
    if steps == AUTO:
        found["gradient_accumulation_steps"] = max(1, own // (batch or 1))
    return found


def automatic(train: Train) -> list[str]:
    """The keyword arguments of SFTConfig that are ``auto``; ``tf32`` too if it is not given and the device has it."""
    found = [name for name, value in train.arguments.items() if value == AUTO]
    return [*found, "tf32"] if train.arguments.get("tf32") is None and has_tf32() else found


def of_device(config: "SFTConfig", automatic: Collection[str]) -> dict[str, Any]:
    """What those arguments became that follow from the device and its memory."""
    return {name: getattr(config, name) for name in automatic if name in _OF_DEVICE}


def of_model(config: "SFTConfig", automatic: Collection[str]) -> dict[str, Any]:
    """What those became that follow from the model and what is trained of it."""
    return {name: getattr(config, name) for name in automatic if name not in _OF_DEVICE}


def effective_batch_size(rows: int | str, spec: ModelSpec) -> int:
    """Rows to an optimizer step, over all processes."""
    if rows != AUTO:
        return rows
    return ROWS_OF_LARGE if spec.parameters >= LARGE else ROWS


def learning_rate(spec: ModelSpec, adapter: AdapterSpec) -> float:
    """The rate for what is trained, to two digits.

    For LoRA 5e-4 (2000 / hidden size)^p, with p of the model's family. PEFT multiplies the update by
    ``lora_alpha / r``, or with rank-stabilised LoRA by ``lora_alpha / sqrt(r)``; the rate is divided by what this
    differs from the fit's ``32 / r``. For all weights a tenth.
    """
    text = spec.config.get_text_config()
    width = WIDTH / text.hidden_size
    known = [p for name, p in EXPONENTS.items() if str(text.model_type).startswith(name)]
    rate = FEW_STEPS * RATE * min(width**p for p in known or EXPONENTS.values())
    if adapter.whole:
        rate /= 10
    elif adapter.lora:
        rate *= ALPHA / adapter.lora.lora_alpha
        if adapter.lora.use_rslora:
            rate /= adapter.lora.r**0.5
    return float(f"{rate:.1e}")


def computes_in_bfloat16(spec: ModelSpec) -> bool:
    """Whether the device multiplies bfloat16 faster than float32; with bitsandbytes on a CPU, its kernels decide."""
    import torch

    if spec.device == "cpu":
        return not spec.quantization and has_cpu_bfloat16()
    return spec.device == "cuda" and device() == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
