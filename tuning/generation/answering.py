"""Answering the evaluation prompts, with either engine, into a file that never loses a finished answer."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tuning.core.errors import doing
from tuning.core.files import check_outputs, write_json, write_jsonl
from tuning.core.measurement import Measurement
from tuning.core.terminal import printable
from tuning.generation import decoding, kv_cache, server_client
from tuning.generation.response_file import Partial
from tuning.generation.server_connection import Server
from tuning.generation.task import Task
from tuning.model.processes import rank

if TYPE_CHECKING:
    from transformers import PreTrainedModel

RESPONSES = Path("data/responses")
SHOWN = 10  # with --verbose, the first answer and every so many-th are shown


def verbose() -> bool:
    """Whether the command line asks to see answers as they come."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", "--verbose", action="store_true", help="show some of the answers as they come")
    return parser.parse_args().verbose


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
    if task.own_server and rank() > 0:
        return [], {}
    with doing(f"loading {task.model}"):
        model = None if task.served else load()
    finished = Partial(task.folder, rank=rank())
    done = {index for index, row in enumerate(task.prompts) if row["key"] in finished.rows}
    asking = doing(f"answering the prompts with {task.model}; finished answers are kept")
    with asking, _running(task, len(done) < len(task.prompts)) as asked:
        measurement = Measurement()
        batches, size = _responses(asked, model, done)
        tokens = _collect(task, batches, finished, measurement, show)
        result = measurement.result(tokens)
    if model is None:
        result["peak_memory_bytes"] = None  # the memory in use is the server's
    if rank() > 0:
        return [], {}
    return finished.collect([row["key"] for row in task.prompts]), {**result, "batch_size": size}


@contextmanager
def _running(task: Task, needed: bool) -> Iterator[Task]:
    """The task with the address of its own server, which runs during the block, if it has one and it is needed."""
    if task.own_server is None or not needed:
        yield task
        return
    with task.own_server.running(partial(_say, task.name)) as url:
        yield replace(task, generation=task.generation.model_copy(update={"base_url": url}))


def _collect(
    task: Task,
    batches: Iterator[list[tuple[int, decoding.Response]]],
    finished: Partial,
    measurement: Measurement,
    show: bool,
) -> int:
    """Writes responses to the disk as they finish, under a progress bar; the number of their tokens."""
    start, tokens = len(finished.rows), 0
    shown = {"desc": f"generate {task.name}", "unit": " prompts", "disable": rank() > 0}
    with tqdm(total=len(task.prompts), initial=start, **shown) as bar:
        for batch in batches:
            rows = [response_row(task.prompts[index], response) for index, response in batch]
            finished.add(rows)
            tokens += sum(row["new_tokens"] for row in rows)
            bar.set_postfix_str(f"{tokens / measurement.seconds():.0f} tokens/s")
            if show and rows and (bar.n == start or bar.n // SHOWN < (bar.n + len(rows)) // SHOWN):
                bar.write(printable(f"\n> {rows[-1]['prompt']}\n\n{rows[-1]['response']}\n"))
            bar.update(len(rows))
    return tokens


def _responses(
    task: Task, model: "PreTrainedModel | None", done: Set[int]
) -> tuple[Iterator[list[tuple[int, decoding.Response]]], int]:
    """The responses as they finish, and the number of prompts answered at once."""
    generation = task.generation
    if model is None:
        return server_client.generate(_server(task), task.asked(), done, task.share), generation.concurrency
    ids = task.token_ids()
    config = decoding.generation_config(model, task.tokenizer, generation.arguments)
    size = generation.batch_size
    if size == "auto":
        size = kv_cache.batch_size(model, max(map(len, ids)) + config.max_new_tokens)
    say = partial(_say, task.name) if rank() == 0 else lambda text: None
    how = decoding.Decoding(config, size, task.seed, task.share, say)
    return decoding.generate(model, task.tokenizer, ids, how, done), size


def _server(task: Task) -> Server:
    """The server, and how it is asked."""
    generation = task.generation
    named = {"base": generation.base_model or task.model, "tuned": generation.tuned_model}
    return Server(
        generation,
        named[task.name],
        task.seed,
        keys=[row["key"] for row in task.prompts],
        count_tokens=task.count_tokens,
        say=partial(_say, task.name),
        ends=task.ends,
        token_ids=task.token_ids,
        special=task.with_special_tokens(),
        **({"before": task.before} if task.name == "base" else {}),
    )


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
