"""The run whose memory is asked for."""

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tuning.model.adapters import AdapterSpec
from tuning.model.model_spec import ModelSpec

if TYPE_CHECKING:
    from trl import SFTConfig


@dataclass(frozen=True)
class Run:
    """A model, what is trained of it, and how.

    Attributes:
        training: None where the model only answers.
    """

    model: ModelSpec
    adapter: AdapterSpec
    training: "SFTConfig | None" = None

    @property
    def checkpointing(self) -> bool:
        """Whether the layers' forward pass is computed again in backward."""
        return bool(self.training.gradient_checkpointing)

    @property
    def half(self) -> str | None:
        """The dtype of mixed precision, as torch names it; None where there is none."""
        if self.training is None or not (self.training.bf16 or self.training.fp16):
            return None
        return "bfloat16" if self.training.bf16 else "float16"

    def with_config(self, config) -> "Run":
        """The same with another configuration of the model."""
        return replace(self, model=replace(self.model, config=config))

    def with_training(self, **changes: Any) -> "Run":
        """The same with other values of TRL's configuration."""
        training = copy.copy(self.training)
        for name, value in changes.items():
            setattr(training, name, value)
        return replace(self, training=training)

    def with_rank(self, rank: int) -> "Run":
        """The same with another rank of LoRA."""
        lora = copy.deepcopy(self.adapter.lora)
        lora.r = rank
        return replace(self, adapter=replace(self.adapter, lora=lora))
