"""params.yaml, read and checked as a whole."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning.config import automatic, checks, own_keys, references
from tuning.config.yaml_file import load
from tuning.core.errors import UserError

PATH = Path("params.yaml")


@dataclass(frozen=True)
class Params:
    """The experiment. A section of a Hugging Face class has that class's keyword arguments as its ``arguments``.

    Revisions of model and tokenizer are among those of ``model_config`` and ``tokenizer_config``; the names have none.
    """

    model: str
    tokenizer: str | None
    dataset: str | list
    seed: int
    launch: str | None
    full_finetuning: bool
    data: own_keys.Data
    ifeval: own_keys.Evaluation
    model_config: own_keys.ModelConfig
    tokenizer_config: own_keys.TokenizerConfig
    quantization: own_keys.Quantization
    lora: own_keys.Lora
    prompt_tuning: own_keys.PromptTuning
    train: own_keys.Train
    unlikelihood: own_keys.Unlikelihood
    generation: own_keys.Generation
    resources: own_keys.Resources

    def plain(self) -> dict[str, Any]:
        """The values as params.yaml has them, sections as mappings."""
        return {
            name: value.model_dump() if isinstance(value, own_keys.Section) else value
            for name, value in vars(self).items()
        }


def read_params() -> Params:
    """The parameters of the working directory.

    Raises:
        UserError: the file cannot be read, or anything in it is wrong; all problems are in one message.
    """
    return checked(load(PATH), str(PATH))


def checked(values: dict[str, Any], source: str = "the parameters") -> Params:
    """Plain values as parameters.

    Args:
        source: where they come from, for the message.

    Raises:
        UserError: any of them is wrong.
    """
    problems = checks.check(values)
    if problems:
        raise UserError(f"{source}: " + "\n       ".join(problems))
    values = references.moved(automatic.resolved(values))
    sections = {name: section.model_validate(values[name]) for name, section in own_keys.SECTIONS.items()}
    return Params(**{name: values[name] for name in own_keys.TopLevel.model_fields}, **sections)
