"""A model of two layers in a folder, as a user would have it, that is trained, saved and asked on any device."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.gpu.models import Bench, planned, tokenizer, values
from bench.gpu.training_speed import conversations
from tests import tiny
from tuning.config.params import checked
from tuning.generation import decoding
from tuning.memory.run import Run
from tuning.model.adapters import add_adapter
from tuning.model.base_model import load_model
from tuning.model.model_spec import model_spec
from tuning.training import checkpoints
from tuning.training.trainer import encode, make_trainer

EXACT = {"tf32": False, "bf16": False}  # values of ``train`` with which steps are in float32
LENGTH = 256


@dataclass(frozen=True)
class Experiment:
    """What is trained, of which model, in which folder.

    Attributes:
        run: the model, what is trained of it, and how.
        folder: of checkpoints.
    """

    run: Run
    folder: Path

    def trainer(self, model=None):
        """The trainer of a model with a new adapter, or of this one; it goes on from the folder's last checkpoint."""
        from transformers import set_seed

        spec, words = self.run.model, tokenizer()
        set_seed(0)
        model = model or add_adapter(load_model(spec), spec, self.run.adapter, self.run.checkpointing)
        rows = encode(conversations(Bench(self.folder, True, 0)), words, LENGTH)
        return make_trainer(model, words, self.run.training, rows, [])

    def train(self, *callbacks: Any):
        """Trains from the last checkpoint on, if there is one, and returns the trainer."""
        trainer, checkpoint = self.trainer(), checkpoints.latest(self.folder)
        for callback in (checkpoints.Checkpoints(trainer, checkpoint), *callbacks):
            trainer.add_callback(callback)
        trainer.train(resume_from_checkpoint=checkpoint)
        return trainer


def experiment(model: Path, folder: Path, kind: str = "LoRA", **train: Any) -> Experiment:
    """Eight steps with the model of this folder, a checkpoint after every second."""
    common = {"max_steps": 8, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 1, "logging_steps": 1}
    given = values(str(model), kind, **common, **train)
    given["train"].update({"save_strategy": "steps", "save_steps": 2, "max_length": LENGTH, "optim": "adamw_torch"})
    params = checked(given)
    return Experiment(planned(params, model_spec(params), folder), folder)


def save_model(folder: Path) -> Path:
    """The model and its tokenizer as a Hugging Face folder, in float32."""
    return tiny.save_model(folder)


def losses(trainer) -> list[float]:
    """The loss of each step."""
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def texts(model) -> list[str]:
    """Greedy answers of 24 tokens to eight requests, in exact float32 where the weights are."""
    words = tokenizer()
    config = decoding.generation_config(model, words, {"max_new_tokens": 24, "eos_token_id": [len(words) - 1]})
    prompts = [words(f"Request {number}: tell me about trees.")["input_ids"] for number in range(8)]
    found = {}
    for batch in decoding.generate(model, words, prompts, decoding.Decoding(config, 8, seed=0, tf32=False)):
        found |= {index: response.text for index, response in batch}
    return [found[index] for index in range(len(prompts))]
