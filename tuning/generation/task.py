"""The evaluation prompts to answer, and by what: the base or the tuned model, loaded here or on a server."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.config.own_keys import Generation
from tuning.config.params import Params
from tuning.core.files import read_jsonl
from tuning.generation.own_server import LOGS, OwnServer, rank_for_servers
from tuning.generation.server_connection import Asked
from tuning.model.chat_template import (
    end_tokens,
    has_own_template,
    load_tokenizer,
    names_special_tokens,
    prompt_tokens,
    text_tokens,
)
from tuning.model.hub import borrow
from tuning.model.processes import rank, world_size
from tuning.model.rendering import rendered_prompt
from tuning.model.stored_ends import stored_ends

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PROMPTS = Path("data/prepared/prompts.jsonl")


@dataclass(frozen=True)
class Task:
    """The evaluation prompts to answer, and how.

    Attributes:
        name: ``base`` or ``tuned``.
        prompts: rows of the prompts file.
        generation: the section of params.yaml.
        model: the model's name, as params.yaml has it.
        tokenizer: of the model that answers; its chat template forms the prompts.
        seed: of samples.
        bare: whether the prompts are continued as they are, without a chat template.
        folder: for what is finished until all is, as ``tuning.core.unfinished_work`` makes it.
        ends: ids of the tokens at which an answer of a server ends; None where the model is loaded here.
        own_server: what this stage starts, to be asked; None where a server is running, or none is asked.
    """

    name: str
    prompts: list[dict[str, Any]]
    generation: Generation
    model: str
    tokenizer: "PreTrainedTokenizerBase"
    seed: int
    bare: bool
    folder: Path
    ends: list[int] | None = None
    own_server: OwnServer | None = None

    @property
    def served(self) -> bool:
        """Whether a server answers, so that no model is loaded here."""
        return self.generation.engine == "openai"

    @property
    def share(self) -> tuple[int, int]:
        """Of several processes, this one's number, and how many there are; the first alone asks a server of its own."""
        return (rank(), world_size()) if self.own_server is None else (0, 1)

    def conversations(self) -> list[list[dict[str, str]]]:
        """Each prompt as it is, in a turn of the user, after what the system says, if anything."""
        system = self.generation.system_prompt
        before = [] if system is None else [{"role": "system", "content": system}]
        return [[*before, {"role": "user", "content": row["prompt"]}] for row in self.prompts]

    def texts(self) -> list[str]:
        """The prompts to be continued, after what the system says, if anything."""
        system = self.generation.system_prompt
        return [row["prompt"] if system is None else f"{system}\n\n{row['prompt']}" for row in self.prompts]

    def asked(self) -> list[Asked]:
        """What a server is given of each prompt."""
        return self.texts() if self.bare else self.conversations()

    def token_ids(self) -> list[list[int]]:
        """The same as the model reads them."""
        if self.bare:
            return [open_ended(self.tokenizer, text) for text in self.texts()]
        return [prompt_tokens(self.tokenizer, turns) for turns in self.conversations()]

    def with_special_tokens(self) -> set[int]:
        """Indices of the prompts that hold special tokens' texts, which are text."""
        asked = self.conversations()
        return {index for index, turns in enumerate(asked) if names_special_tokens(self.tokenizer, turns)}

    def before(self, index: int) -> str:
        """A prompt as text, up to where its answer begins."""
        return self.texts()[index] if self.bare else rendered_prompt(self.tokenizer, self.conversations()[index])

    def count_tokens(self, text: str) -> int:
        """Tokens of an answer."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def longest(self) -> int:
        """Tokens of the longest prompt, in the chat template."""
        return max(map(len, self.token_ids()))


@dataclass(frozen=True)
class Tuned:
    """What train has made.

    Attributes:
        folder: with the adapter, or with the model that was trained whole, and with the tokenizer.
        whole: whether all weights were trained.
        rank: the greatest of LoRA's matrices.
    """

    folder: str
    whole: bool
    rank: int


def task(params: Params, folder: Path, tuned: Tuned | None = None, prompts: list[dict[str, Any]] | None = None) -> Task:
    """The task that the parameters describe; of the prompts, as many as ``generation.num_batches`` holds.

    Args:
        tuned: what answers; None: the base model.
        prompts: rows in IFEval's schema; None: those that prepare has written.

    Raises:
        UserError: prepare has not written the prompts yet, there is no such tokenizer, or the Hub refuses the model.
    """
    generation = params.generation
    prompts = limited(read_jsonl(PROMPTS) if prompts is None else prompts, generation)
    words = load_tokenizer(params, tuned and tuned.folder)
    bare = tuned is None and is_bare(generation, params, words)
    name = "base" if tuned is None else "tuned"
    asked = Task(name, prompts, generation, params.model, words, params.seed, bare, folder)
    if not asked.served:
        return asked
    stored = stored_ends(tuned.folder if tuned and tuned.whole else params.model, params)
    return replace(
        asked,
        ends=sorted({*end_tokens(words), *stored}),
        own_server=_own_server(asked, tuned, params.model_config.arguments.get("revision")),
    )


def open_ended(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """The tokens of a text to be continued: with what the tokenizer puts before a text, without what it puts after.

    Special tokens' texts in it are text.
    """
    ids, own = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (True, False))
    starts = (start for start in range(len(ids) - len(own) + 1) if ids[start : start + len(own)] == own)
    return ids[: next(starts, 0)] + text_tokens(tokenizer, text)


def limited(prompts: list[dict[str, Any]], generation: Generation) -> list[dict[str, Any]]:
    """As many of the prompts as ``generation.num_batches`` holds."""
    return prompts if generation.num_batches is None else prompts[: generation.num_batches * generation.batch_size]


def _own_server(task: Task, tuned: Tuned | None, revision: str | None) -> OwnServer | None:
    """The server that the stage is to start, if the parameters name one; ``main`` stands for no revision."""
    key = "serve" if tuned is None else "serve_adapter"
    template, values = getattr(task.generation, key), {"model": task.model, "revision": revision or "main"}
    if template is None:
        return None
    borrow(task.model)
    if tuned is not None:
        values |= {"adapter": tuned.folder, "rank": rank_for_servers(tuned.rank)}
    return OwnServer(f"generation.{key}", template, values, LOGS / f"server-{task.name}.log")


def is_bare(generation: Generation, params: Params, tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the base model is given the bare prompts, see ``generation.base_template``.

    Raises:
        UserError: the Hub refuses the model.
    """
    if generation.base_template == "auto":
        return not has_own_template(params, tokenizer)
    return generation.base_template == "none"
