"""What makes a training step faster on a CPU and computes the same; docs/performance.md has what each part gives."""

from trl import SFTConfig, SFTTrainer

from tuning.training.cpu.attention import recompute_attention
from tuning.training.cpu.completion_head import CompletionTrainer, add_completion_head, fits


def trainer_class(model, config: SFTConfig) -> type[SFTTrainer]:
    """The trainer that goes with what ``apply`` does to the model."""
    return CompletionTrainer if has_own_head(model, config) else SFTTrainer


def apply(model, config: SFTConfig) -> None:
    """Replaces TRL's head, which must be there, and in bfloat16 attention, where each can be replaced.

    In float32 torch's own attention is as fast.
    """
    base = base_of(model)
    if config.bf16:
        recompute_attention(base)
    if has_own_head(model, config):
        add_completion_head(base)


def has_own_head(model, config: SFTConfig) -> bool:
    """Whether TRL's head is replaced."""
    return fits(base_of(model), config)


def base_of(model):
    """The model inside PEFT's; without one, the model."""
    return model.get_base_model() if hasattr(model, "peft_config") and hasattr(model, "get_base_model") else model
