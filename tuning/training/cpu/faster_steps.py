"""What makes a training step faster on a CPU and computes the same; docs/performance.md has what each part gives."""

from trl import SFTConfig, SFTTrainer

from tuning.training.cpu.attention import recompute_attention
from tuning.training.cpu.completion_head import CompletionTrainer, add_completion_head, fits
from tuning.training.cpu.lora_linear import join_lora


def trainer_class(model, config: SFTConfig) -> type[SFTTrainer]:
    """The trainer that goes with what ``apply`` does to the model."""
    return CompletionTrainer if has_own_head(model, config) else SFTTrainer


def apply(model, config: SFTConfig) -> None:
    """Replaces attention, linear layers with LoRA, and TRL's head, which must be there, where each can be replaced."""
    base = base_of(model)
    recompute_attention(base)
    join_lora(model)
    if has_own_head(model, config):
        add_completion_head(base)


def has_own_head(model, config: SFTConfig) -> bool:
    """Whether TRL's head is replaced."""
    return fits(base_of(model), config)


def base_of(model):
    """The model inside PEFT's; without one, the model."""
    return model.get_base_model() if hasattr(model, "peft_config") and hasattr(model, "get_base_model") else model
