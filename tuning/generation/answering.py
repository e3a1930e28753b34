"""Answering the evaluation prompts, with either engine, into a file that never loses a finished answer."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tuning.config.own_keys import Generation
from tuning.config.params import Params
from tuning.core.errors import doing
from tuning.core.files import check_outputs, read_jsonl, write_json, write_jsonl
from tuning.core.measurement import Measurement
from tuning.core.terminal import printable
from tuning.generation import decoding, kv_cache, server_client
from tuning.generation.response_file import Partial
from tuning.model.chat_template import has_own_template, load_tokenizer, prompt_tokens
from tuning.model.processes import rank, world_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PROMPTS, RESPONSES = Path("data/prepared/prompts.jsonl"), Path("data/responses")
SHOWN = 10  # with --verbose, the first answer and every so many-th are shown


def verbose() -> bool:
    """Whether the command line asks to see answers as they come."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", "--verbose", action="store_true", help="show some of the answers as they come")
    return parser.parse_args().verbose


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
    """

    name: str
    prompts: list[dict[str, Any]]
    generation: Generation
    model: str
    tokenizer: "PreTrainedTokenizerBase"
    seed: int
    bare: bool
    folder: Path

    @property
    def served(self) -> bool:
        """Whether a server answers, so that no model is loaded here."""
        return self.generation.engine == "openai"

    def conversations(self) -> list[list[dict[str, str]]]:
        """Each prompt as it is, in a turn of the user, after what the system says, if anything."""
        system = self.generation.system_prompt
        before = [] if system is None else [{"role": "system", "content": system}]
        return [[*before, {"role": "user", "content": row["prompt"]}] for row in self.prompts]

    def texts(self) -> list[str]:
        """The prompts to be continued, after what the system says, if anything."""
        system = self.generation.system_prompt
        return [row["prompt"] if system is None else f"{system}\n\n{row['prompt']}" for row in self.prompts]

    def token_ids(self) -> list[list[int]]:
        """The same as the model reads them."""
        if self.bare:
            return [self.tokenizer(text)["input_ids"] for text in self.texts()]
        return [prompt_tokens(self.tokenizer, turns) for turns in self.conversations()]

    def count_tokens(self, text: str) -> int:
        """Tokens of an answer."""
        return len(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def longest(self) -> int:
        """Tokens of the longest prompt, in the chat template."""
        return max(map(len, self.token_ids()))


def task(
    name: str,
    params: Params,
    folder: Path,
    tokenizer: str | None = None,
    prompts: list[dict[str, Any]] | None = None,
) -> Task:
    """The task that the parameters describe; of the prompts, as many as ``generation.num_batches`` holds.

    Args:
        tokenizer: where it lies; None: as the parameters say.
        prompts: rows in IFEval's schema; None: those that prepare has written.

    Raises:
        UserError: prepare has not written the prompts yet, or there is no such tokenizer.
    """
    generation = params.generation
    prompts = limited(read_jsonl(PROMPTS) if prompts is None else prompts, generation)
    words = load_tokenizer(params, tokenizer)
    bare = name == "base" and is_bare(generation, words)
    return Task(name, prompts, generation, params.model, words, params.seed, bare, folder)


def limited(prompts: list[dict[str, Any]], generation: Generation) -> list[dict[str, Any]]:
    """As many of the prompts as ``generation.num_batches`` holds."""
    return prompts if generation.num_batches is None else prompts[: generation.num_batches * generation.batch_size]


def is_bare(generation: Generation, tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether the base model is given the bare prompts, see ``generation.base_template``."""
    if generation.base_template == "auto":
        return not has_own_template(tokenizer)
    return generation.base_template == "none"


def answer(
    task: Task, load: "Callable[[], PreTrainedModel]", measured: Path, show: bool = False
) -> list[dict[str, Any]]:
    """Writes the response to every prompt into data/responses/NAME.jsonl; a killed run resumes.

    Args:
        load: loads the model; not called where a server answers.
        measured: where to write seconds, tokens per second and peak memory.
        show: some of the answers as they come.

    Returns:
        The responses in the order of the prompts; of several processes, the first one's only.
    """
    check_outputs(files=[RESPONSES / f"{task.name}.jsonl", measured])
    responses, measurement = answered(task, load, show)
    if rank() > 0:
        return []
    write_jsonl(RESPONSES / f"{task.name}.jsonl", responses)
    write_json(measured, measurement)
    return responses


def answered(
    task: Task, load: "Callable[[], PreTrainedModel]", show: bool = False
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The response to every prompt, and what was measured; a killed run resumes.

    Args:
        load: loads the model; not called where a server answers.
        show: some of the answers as they come.

    Returns:
        The responses in the order of the prompts, and seconds, tokens per second and peak memory; of several
        processes, the first one's only.
    """
    with doing(f"loading {task.model}"):
        model = None if task.served else load()
    finished = Partial(task.folder, rank=rank())
    done = {index for index, row in enumerate(task.prompts) if row["key"] in finished.rows}
    measurement, tokens = Measurement(), 0
    shown = {"desc": f"generate {task.name}", "unit": " prompts", "disable": rank() > 0}
    asking = doing(f"answering the prompts with {task.model}; finished answers are kept")
    with asking, tqdm(total=len(task.prompts), initial=len(done), **shown) as bar:
        batches, size = _responses(task, model, done)
        for batch in batches:
            rows = [response_row(task.prompts[index], response) for index, response in batch]
            finished.add(rows)
            tokens += sum(row["new_tokens"] for row in rows)
            bar.set_postfix_str(f"{tokens / measurement.seconds():.0f} tokens/s")
            if show and rows and (bar.n == len(done) or bar.n // SHOWN < (bar.n + len(rows)) // SHOWN):
                bar.write(printable(f"\n> {rows[-1]['prompt']}\n\n{rows[-1]['response']}\n"))
            bar.update(len(rows))
    result = measurement.result(tokens)
    if model is None:
        result["peak_memory_bytes"] = None  # the memory in use is the server's
    if rank() > 0:
        return [], {}
    return finished.collect([row["key"] for row in task.prompts]), {**result, "batch_size": size}


def _responses(
    task: Task, model: "PreTrainedModel | None", done: Set[int]
) -> tuple[Iterator[list[tuple[int, decoding.Response]]], int]:
    """The responses as they finish, and the number of prompts answered at once."""
    generation, share = task.generation, (rank(), world_size())
    if model is None:
        named = {"base": generation.base_model or task.model, "tuned": generation.tuned_model}
        keys = [row["key"] for row in task.prompts]
        say = partial(_say, task.name)
        server = server_client.Server(generation, named[task.name], task.seed, keys, task.count_tokens, say)
        asked = task.texts() if task.bare else task.conversations()
        return server_client.generate(server, asked, done, share), generation.concurrency
    ids = task.token_ids()
    config = decoding.generation_config(model, task.tokenizer, generation.arguments)
    size = generation.batch_size
    if size == "auto":
        size = kv_cache.batch_size(model, max(map(len, ids)) + config.max_new_tokens)
    say = partial(_say, task.name) if rank() == 0 else lambda text: None
    how = decoding.Decoding(config, size, task.seed, share, say)
    return decoding.generate(model, task.tokenizer, ids, how, done), size


def _say(name: str, text: str) -> None:
    tqdm.write(printable(f"generate {name}: {text}"))


def response_row(prompt: dict[str, Any], response: decoding.Response) -> dict[str, Any]:
    """One line of a responses file."""
    return {
        "key": prompt["key"],
        "prompt": prompt["prompt"],
        "response": response.text,
        "new_tokens": response.new_tokens,
        "finish_reason": response.finish_reason,
    }


def metrics(responses: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts of the base or the tuned model's responses, for the metrics."""
    tokens = [row["new_tokens"] for row in responses]
    cut = sum(row["finish_reason"] == "length" for row in responses)
    refused = sum(row["finish_reason"] == "refused" for row in responses)
    return {
        "responses": len(responses),
        "new_tokens": sum(tokens),
        "mean_new_tokens": sum(tokens) / len(tokens),
        "responses_cut": cut,
        "share_cut": cut / len(responses),
        "share_looping": sum(is_looping(row["response"]) for row in responses) / len(responses),
    } | ({"responses_refused": refused} if refused else {})


def is_looping(text: str) -> bool:
    """Whether some run of ten words occurs four times or more."""
    words = text.split()
    runs = Counter(tuple(words[start : start + 10]) for start in range(len(words) - 9))
    return any(count >= 4 for count in runs.values())
