"""One training from its start, or on from its last checkpoint, with smaller batches where memory runs out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.config.params import Params
from tuning.core.errors import doing
from tuning.core.measurement import Measurement
from tuning.model.adapters import AdapterSpec, add_adapter
from tuning.model.base_model import load_model
from tuning.model.model_spec import ModelSpec
from tuning.training import checkpoints, out_of_memory, trainer
from tuning.training.curves import Curves
from tuning.training.divergence import DivergenceCheck

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl import SFTConfig, SFTTrainer


@dataclass(frozen=True)
class Subject:
    """What is trained.

    Attributes:
        weights: a file of trained weights to begin with; None: new ones.
    """

    params: Params
    spec: ModelSpec
    adapter: AdapterSpec
    tokenizer: "PreTrainedTokenizerBase"
    weights: Path | None = None

    def load(self, config: "SFTConfig") -> "PreTrainedModel":
        """The model, ready to be trained."""
        from transformers import set_seed

        set_seed(self.params.seed)
        with doing(f"loading {self.params.model}"):
            model = add_adapter(load_model(self.spec), self.spec, self.adapter, config.gradient_checkpointing)
        if self.weights is not None:
            checkpoints.load_trained(model, self.weights)
        return model


@dataclass(frozen=True)
class Fitted:
    """A training that has ended.

    Attributes:
        config: with the batch that fitted in memory.
        measured: seconds, tokens per second and peak memory, of this process since its last checkpoint.
    """

    trainer: "SFTTrainer"
    curves: Curves
    config: "SFTConfig"
    measured: dict[str, Any]


@dataclass(frozen=True)
class Rows:
    """Encoded rows, see ``trainer.encode``."""

    train: "Dataset"
    validation: "Dataset"


def fit(
    subject: Subject,
    config: "SFTConfig",
    rows: Rows,
    past: Sequence[dict[str, Any]] = (),
    kind: "type[SFTTrainer] | None" = None,
    rate_key: str = "train.learning_rate",
) -> Fitted:
    """Trains; checkpoints lie in the configuration's output folder.

    Args:
        past: the log of the training before this one, whose curves this one continues.
        kind: of trainer; None: TRL's, or what is faster and computes the same.
        rate_key: of params.yaml, which sets its learning rate.
    """
    folder = Path(config.output_dir)
    while True:
        model = subject.load(config)
        checkpoint = checkpoints.latest(folder)
        seen = checkpoints.tokens_seen(checkpoint)  # read now: training deletes old checkpoints
        sft = trainer.make_trainer(model, subject.tokenizer, config, rows.train, rows.validation, kind)
        curves = Curves(folder, past)
        for callback in (DivergenceCheck(sft, rate_key), curves, checkpoints.Checkpoints(sft, checkpoint)):
            sft.add_callback(callback)
        measurement = Measurement()
        with doing("training; it can go on from its last checkpoint"):
            try:
                sft.train(resume_from_checkpoint=checkpoint)
                break
            except RuntimeError as error:
                config = out_of_memory.smaller(config, error)
        del model, sft, curves, callback
        out_of_memory.free()
    measured = measurement.result(tokens=int(sft.state.num_input_tokens_seen) - seen)
    return Fitted(sft, curves, config, measured)
