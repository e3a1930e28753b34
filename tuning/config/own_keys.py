"""The keys of params.yaml that are the project's own, with their limits; docs/params.md is made of their docstrings.

A section of a Hugging Face class holds that class's keyword arguments beside these keys; here they are the section's
``arguments``.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
AtLeastOne = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of params.yaml."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", use_attribute_docstrings=True)

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments for the section's Hugging Face class: all keys that are not the project's own."""
        return dict(self.model_extra or {})


class TopLevel(Section):
    """The keys that stand above the sections."""

    model: str
    """what is tuned: a Hub id or a local folder"""
    tokenizer: str | None
    """Hub id or local folder; `null`: the model's own"""
    dataset: str | list
    """what it is tuned on: a Hub id, a local file, or a list of `{name, weight}` to mix"""
    seed: Annotated[int, Field(ge=0)]
    """of everything that is drawn: rows, weights, dropout, samples"""
    launch: str | None
    """accelerate config file for several processes, see scaling.md; `null`: one process"""
    full_finetuning: bool
    """train all weights; needs `lora.enabled` and `prompt_tuning.enabled` false"""


class Instructions(Section):
    """Verifiable instructions for rows to train on."""

    model_config = ConfigDict(extra="forbid")

    fraction: Fraction
    """share of the rows that get instructions; the other rows are left out, unless `keep_untouched`"""
    variants: AtLeastOne
    """rows made of each such row, with different instructions"""
    per_row: list
    """weights of one, two, three instructions to a row"""
    max_words: AtLeastOne | None
    """completions are cut to whole sentences of at most so many words; `null`: as they are"""
    short: Fraction
    """share of the variants that keep no more sentences than their instructions need"""
    keep_untouched: bool
    """train on the rows without instructions too"""
    types: str | list
    """`all`, or the ids of the types to draw from; `python -m ifeval list` has them"""

    @field_validator("per_row")
    @classmethod
    def _weights(cls, weights: list) -> list:
        numbers = all(isinstance(weight, int | float) and not isinstance(weight, bool) for weight in weights)
        if not numbers or min(weights, default=0) < 0 or not sum(weights):
            raise ValueError("must be weights of 1, 2, 3 instructions")
        return weights


class Data(Section):
    """From data sets to rows."""

    model_config = ConfigDict(extra="forbid")

    num_val: Annotated[int, Field(ge=0)]
    """rows kept for the validation loss"""
    columns: dict | None
    """for a schema of your own: a known schema's column, and your name for it"""
    over_length: Literal["drop", "truncate"]
    """what happens to rows of more than `train.max_length` tokens"""
    decontaminate: bool
    """drop rows whose prompt repeats an evaluation prompt"""
    self_distill: bool
    """add the base model's own answers to the requests"""
    instructions: Instructions


class Evaluation(Section):
    """What the model is evaluated on."""

    model_config = ConfigDict(extra="forbid")

    prompts: str
    """`google/IFEval`, or a local file in its schema"""


class ModelConfig(Section):
    """AutoModelForCausalLM.from_pretrained"""


class TokenizerConfig(Section):
    """AutoTokenizer.from_pretrained"""


class Quantization(Section):
    """transformers.BitsAndBytesConfig"""

    enabled: bool | Literal["auto"]
    """quantize the frozen weights; `auto`: on a CUDA device only"""


class Lora(Section):
    """peft.LoraConfig"""

    enabled: bool
    """train LoRA; together with `prompt_tuning.enabled`, both at once"""


class PromptTuning(Section):
    """peft.PromptTuningConfig"""

    enabled: bool
    """train virtual tokens that stand before every prompt"""


class Train(Section):
    """trl.SFTConfig"""


class Generation(Section):
    """transformers.GenerationConfig"""

    engine: Literal["transformers", "openai"]
    """who answers: this project, or any server with OpenAI's interface at `base_url`"""
    base_url: str
    """address of the server"""
    base_model: str | None
    """the base model's name on the server; `null`: as in `model`"""
    tuned_model: str
    """the tuned model's name on the server"""
    concurrency: AtLeastOne
    """requests to the server under way at once"""
    timeout: Annotated[float, Field(gt=0)]
    """seconds that one answer of the server may take"""
    batch_size: AtLeastOne | Literal["auto"]
    """prompts answered at once; `auto`: as many as fit in memory"""
    num_batches: AtLeastOne | None
    """batches of prompts to answer; `null`: all prompts"""
    system_prompt: str | None
    """what the system says before each prompt; the IFEval protocol has none"""


class Resources(Section):
    """What is checked before a run."""

    model_config = ConfigDict(extra="forbid")

    strict: bool
    """stop, instead of warning, where memory will not suffice"""


SECTIONS: dict[str, type[Section]] = {
    "data": Data,
    "ifeval": Evaluation,
    "model_config": ModelConfig,
    "tokenizer_config": TokenizerConfig,
    "quantization": Quantization,
    "lora": Lora,
    "prompt_tuning": PromptTuning,
    "train": Train,
    "generation": Generation,
    "resources": Resources,
}
