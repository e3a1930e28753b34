"""The end tokens that a checkpoint names in its own files, beside those of its tokenizer."""

from typing import Any

from tuning.config.params import Params

_WHERE = ("cache_dir", "local_files_only", "revision", "subfolder", "trust_remote_code")


def stored_ends(name: str, params: Params) -> list[int]:
    """The ids in generation_config.json, or in config.json where that is missing; none where neither can be had.

    It is what a model has in its ``generation_config`` once it is loaded; here no model is.

    Args:
        name: of the model, on the Hub or in a folder.
    """
    from transformers import AutoConfig, GenerationConfig

    where = {key: value for key, value in params.model_config.arguments.items() if key in _WHERE and value is not None}
    for kind in (GenerationConfig, AutoConfig):
        try:
            return as_ids(kind.from_pretrained(name, **where).eos_token_id)
        except (OSError, ValueError, AttributeError, TypeError):
            continue  # a server may have a model of which only the tokenizer is here
    return []


def as_ids(value: Any) -> list[int]:
    """The end tokens of a configuration, which has one id, several or none; anything but a whole number is none."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, int) and not isinstance(each, bool)]
