"""The keys of params.yaml that are the project's own, with their limits; docs/params.md shows their docstrings.

A section that is named after a Hugging Face class takes that class's keyword arguments beside these keys. Here they
are the section's ``arguments``.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tuning.config import command_templates

Fraction = Annotated[float, Field(ge=0, le=1)]
AtLeastOne = Annotated[int, Field(ge=1)]


def _weights(values: list[float]) -> list[float]:
    if not sum(values):
        raise ValueError("must have a weight above 0")
    return values


class Section(BaseModel):
    """A section of params.yaml."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", use_attribute_docstrings=True)

    @property
    def arguments(self) -> dict[str, Any]:
        """The keyword arguments for the section's Hugging Face class: all keys that are not the project's own."""
        return dict(self.model_extra or {})


class TopLevel(Section):
    """The keys that stand above the sections."""

    model: str = Field(examples=["meta-llama/Llama-3.1-8B"])
    """base model: Hub id, `id@revision`, or local folder"""
    tokenizer: str | None = Field(examples=["meta-llama/Llama-3.1-8B-Instruct"])
    """tokenizer and chat template from elsewhere: Hub id, `id@revision`, or local folder; `null`: the model's own"""
    dataset: str | dict | list = Field(examples=["tatsu-lab/alpaca"])
    """rows to train on: a Hub id, `id@revision`, `{name, config, split, revision}` of the Hub, a local file, or a list
    of these, each with `weight` and `columns` if needed, which a YAML file may hold: [data.md](data.md)"""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = Field(examples=[7])
    """seed of everything random: split, mixing, initialisation, order of rows, dropout, sampling, bootstrap"""
    launch: str | None = Field(examples=["configs/accelerate/ddp.yaml"])
    """accelerate config file with which baseline, train, generate and evaluate start processes; `null`: one process"""
    full_finetuning: bool = Field(examples=[True])
    """train all weights; both adapters must be disabled"""


class Instructions(Section):
    """Verifiable instructions for rows to train on."""

    model_config = ConfigDict(extra="forbid")

    fraction: Fraction = Field(examples=[0.5])
    """share of the rows without instructions of their own that get verifiable instructions"""
    variants: AtLeastOne = Field(examples=[4])
    """rows made of each such row, with different instructions"""
    per_row: Annotated[list[Annotated[float, Field(ge=0)]], AfterValidator(_weights)] = Field(examples=[[1, 1, 1]])
    """weights of one, two, three instructions to a row"""
    max_words: AtLeastOne | Literal["auto"] | None = Field(examples=[None])
    """completions keep their first sentences up to so many words, twice as many where an instruction is about
    length, words or letters; `null`: they stay as they are; `auto`: 60, or `null` where `ifeval.prompts` is
    google/IFEval, whose protocol leaves room for long answers"""
    short: Fraction | Literal["auto"] = Field(examples=[0.5])
    """share of the variants that keep no more sentences than their instructions need; `auto`: 0.9, or 0 where
    `ifeval.prompts` is google/IFEval"""
    keep_untouched: bool = Field(examples=[True])
    """also train on the rows that get no instructions"""
    types: str | list[str] = Field(examples=["all"])
    """types of instructions to add: `all`, or a list of ids; rows that carry instructions of their own keep them,
    whatever their type; `python -m ifeval list` prints the ids"""


class Data(Section):
    """From data sets to rows."""

    model_config = ConfigDict(extra="forbid")

    num_val: Annotated[int, Field(ge=0)] = Field(examples=[200])
    """rows kept for the validation loss, drawn by the seed"""
    columns: dict[str, str] | None = Field(examples=[{"prompt": "question", "completion": "answer"}])
    """for a schema that is not recognised: a known schema's column name, and the data set's own name for it"""
    on_error: Literal["auto", "drop", "stop"] = Field(examples=["drop"])
    """a row that cannot be used (not JSON, no text where text is expected, an unknown role, refused by the chat
    template): `stop` at it, or `drop` it and count it by reason in `metrics/data.json`; `auto`: `stop` for a local
    file, `drop` for a data set of the Hub"""
    over_length: Literal["drop", "truncate"] = Field(examples=["truncate"])
    """rows of more than `train.max_length` tokens: `drop` them, or `truncate` them (a truncated completion has no
    end, so the model does not learn from it when to stop)"""
    decontaminate: bool = Field(examples=[False])
    """drop rows in which the user says what an evaluation prompt says, whole or in a run of eight words"""
    self_distill: bool | Literal["auto"] = Field(examples=["auto"])
    """add the base model's own answers to the requests as rows; where instructions only count what is there (lengths,
    words, letters), its answer to request and instruction together, if it follows; `auto`: where the model has a
    chat template of its own"""
    instructions: Instructions


class Evaluation(Section):
    """What the model is evaluated on."""

    model_config = ConfigDict(extra="forbid")

    prompts: str = Field(examples=["google/IFEval"])
    """evaluation prompts: Hub id, `id@revision`, or local file in IFEval's schema, of any kind that `dataset` may be"""


class ModelConfig(Section):
    """AutoModelForCausalLM.from_pretrained"""


class TokenizerConfig(Section):
    """AutoTokenizer.from_pretrained"""


class Quantization(Section):
    """transformers.BitsAndBytesConfig"""

    enabled: bool | Literal["auto"] = Field(examples=["auto"])
    """quantize the base model; `auto`: on a CUDA device only"""


class Lora(Section):
    """peft.LoraConfig"""

    enabled: bool = Field(examples=[False])
    """train LoRA; together with `prompt_tuning.enabled`, both at once"""


class PromptTuning(Section):
    """peft.PromptTuningConfig"""

    enabled: bool = Field(examples=[True])
    """train virtual tokens before every prompt"""


class Train(Section):
    """trl.SFTConfig"""

    effective_batch_size: AtLeastOne | Literal["auto"] = Field(examples=[32])
    """rows to an optimizer step, over all processes; `auto`: 16 for a model of a billion parameters or more, else 4"""


class Unlikelihood(Section):
    """Repetitions in the trained model's own answers are unlearnt."""

    model_config = ConfigDict(extra="forbid")

    answers: Annotated[int, Field(ge=0)] = Field(examples=[0])
    """rows kept back from training, at most a third of all: the trained model answers their requests, and in answers
    that loop it unlearns what is repeated while it learns these rows; `0`: none"""
    answer_tokens: AtLeastOne = Field(examples=[400])
    """tokens of such an answer at the most"""
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] = Field(examples=[2.0e-4])
    """of this second training; `auto`: 0.3 of `train.learning_rate`"""


class Generation(Section):
    """transformers.GenerationConfig"""

    engine: Literal["transformers", "openai"] = Field(examples=["openai"])
    """`transformers` generates in this process; `openai` asks a server with OpenAI's interface
    ([scaling.md](scaling.md))"""
    base_url: str = Field(examples=["http://node1:8000/v1"])
    """address of the server, where the stage starts none of its own"""
    serve: Annotated[str | None, AfterValidator(command_templates.checker("model", "revision", "port"))] = Field(
        examples=["vllm serve {model} --port {port}"]
    )
    """command with which baseline starts a server for itself; `{model}` stands for `model`, `{revision}` for its
    commit on the Hub, `{port}` for a free port; `null`: the server at `base_url` answers"""
    serve_adapter: Annotated[
        str | None, AfterValidator(command_templates.checker("model", "revision", "adapter", "rank", "port"))
    ] = Field(examples=["vllm serve {model} --port {port} --enable-lora --lora-modules tuned={adapter}"])
    """the same for generate; `{adapter}` stands for the folder of the adapter, `{rank}` for the rank of LoRA, rounded
    up to 8, 16, 32 and so on, as vLLM takes it"""
    base_model: str | None = Field(examples=["base"])
    """the base model's name on the server; `null`: as in `model`"""
    tuned_model: str = Field(examples=["my-adapter"])
    """the tuned model's name on the server"""
    concurrency: AtLeastOne = Field(examples=[256])
    """requests that wait for the server at once"""
    timeout: Annotated[float, Field(gt=0)] = Field(examples=[120])
    """seconds that the server may take for one answer"""
    base_template: Literal["auto", "chat", "none"] = Field(examples=["chat"])
    """how the base model is asked: `chat`, in its chat template; `none`, the bare prompt, which it continues up to an
    end token or `max_new_tokens`, as leaderboards ask base models; `auto`: `none` where it has no chat template"""
    batch_size: AtLeastOne | Literal["auto"] = Field(examples=[64])
    """prompts answered at once; `auto`: as many as fit in free memory, at most 128 on a CPU and 256 on a GPU"""
    num_batches: AtLeastOne | None = Field(examples=[3])
    """answer only so many batches of prompts; needs a `batch_size` that is a number; `null`: all prompts"""
    system_prompt: str | None = Field(examples=["Answer in English."])
    """system message before each prompt; `null`: the chat template's own, if it has one"""
    strip_thoughts: bool = Field(examples=[True])
    """judge answers without the thoughts that models write before them, between `<think>` and `</think>`"""


class Resources(Section):
    """What is checked before a run."""

    model_config = ConfigDict(extra="forbid")

    strict: bool = Field(examples=[True])
    """stop, instead of warning, where memory will not suffice ([resources.md](resources.md))"""


SECTIONS: dict[str, type[Section]] = {
    "data": Data,
    "ifeval": Evaluation,
    "model_config": ModelConfig,
    "tokenizer_config": TokenizerConfig,
    "quantization": Quantization,
    "lora": Lora,
    "prompt_tuning": PromptTuning,
    "train": Train,
    "unlikelihood": Unlikelihood,
    "generation": Generation,
    "resources": Resources,
}
