"""Models, adapters and trainers as the stages make them, from values as in params.yaml."""

from pathlib import Path

from stages.estimate import run_on
from tests.tiny import checked
from tuning.model import adapters, chat_template
from tuning.model.base_model import load_model
from tuning.model.model_spec import model_spec


def tokenizer(values: dict):
    return chat_template.load_tokenizer(checked(values))


def base(values: dict):
    """The base model."""
    return load_model(model_spec(checked(values)))


def adapted(values: dict):
    """The base model with a new adapter, as train starts with it."""
    run = run_on(checked(values), None)
    return adapters.add_adapter(load_model(run.model), run.model, run.adapter, run.checkpointing)


def save(model, folder: Path, values: dict) -> None:
    """Saves the adapter of a model that ``adapted`` made."""
    params = checked(values)
    adapters.save_adapter(model, folder, model_spec(params), adapters.adapter_spec(params))


def tuned(values: dict, folder: Path):
    """The base model with what was saved in the folder."""
    params = checked(values)
    return adapters.load_tuned(model_spec(params), adapters.adapter_spec(params), folder)


def trainer(values: dict, words, rows, folder: Path):
    """The trainer of rows of token ids, without rows to validate on.

    Args:
        words: the tokenizer.
    """
    from tuning.training.trainer import make_trainer, training_config

    params = checked(values)
    config = training_config(params, model_spec(params), adapters.adapter_spec(params), folder, validates=False)
    return make_trainer(adapted(values), words, config, rows, [])
