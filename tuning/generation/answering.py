"""Answering the evaluation prompts, with either engine, into a file that never loses a finished answer."""

import argparse
from collections import Counter
from collections.abc import Iterator, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tuning.core.files import write_json, write_jsonl
from tuning.core.measurement import Measurement
from tuning.generation import decoding, kv_cache, server_client
from tuning.generation.response_file import Partial
from tuning.model.chat_template import end_tokens, prompt_tokens
from tuning.model.processes import rank, world_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PROMPTS, RESPONSES = Path("data/prepared/prompts.jsonl"), Path("data/responses")
SHOWN = 10  # of so many finished answers, one is shown when asked for, and the first


def verbose() -> bool:
    """Whether the command line asks to see answers as they come."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-v", "--verbose", action="store_true", help="show some of the answers as they come")
    return parser.parse_args().verbose


def is_served(generation: dict[str, Any]) -> bool:
    """Whether a server answers, so that no model is loaded here."""
    return generation["engine"] == "openai"


def selected(prompts: list[dict[str, Any]], generation: dict[str, Any]) -> list[dict[str, Any]]:
    """All prompts, or as many from the beginning as ``num_batches`` holds."""
    batches = generation["num_batches"]
    return prompts if batches is None else prompts[: batches * generation["batch_size"]]


def conversation(prompt: dict[str, Any], generation: dict[str, Any]) -> list[dict[str, str]]:
    """The prompt as it is, in a turn of the user, after what the system says, if anything."""
    system = generation["system_prompt"]
    turns = [] if system is None else [{"role": "system", "content": system}]
    return [*turns, {"role": "user", "content": prompt["prompt"]}]


def longest_prompt(tokenizer: "PreTrainedTokenizerBase", prompts: list[dict[str, Any]], generation) -> int:
    """Tokens of the longest prompt, in the chat template."""
    return max(len(prompt_tokens(tokenizer, conversation(row, generation))) for row in prompts)


def answer(
    name: str,
    model: "PreTrainedModel | None",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: list[dict[str, Any]],
    params: dict[str, Any],
    folder: Path,
    measured: Path,
    show: bool = False,
) -> list[dict[str, Any]]:
    """Writes the response to every prompt into data/responses/NAME.jsonl, going on where a killed run was.

    Args:
        name: ``base`` or ``tuned``.
        model: None where a server answers.
        folder: for what is finished until all is, as ``tuning.core.unfinished_work`` makes it.
        measured: where to write seconds, tokens per second and peak memory.
        show: some of the answers as they come.

    Returns:
        The responses in the order of the prompts; of several processes, the first one's only.
    """
    partial = Partial(folder, rank=rank())
    done = {index for index, row in enumerate(prompts) if row["key"] in partial.rows}
    measurement, tokens = Measurement(), 0
    shown = {"desc": f"generate {name}", "unit": " prompts", "disable": rank() > 0}
    with tqdm(total=len(prompts), initial=len(done), **shown) as bar:
        batches, size = _responses(name, model, tokenizer, prompts, params, done)
        for batch in batches:
            rows = [response_row(prompts[index], response) for index, response in batch]
            partial.add(rows)
            tokens += sum(row["new_tokens"] for row in rows)
            bar.set_postfix_str(f"{tokens / measurement.seconds():.0f} tokens/s")
            if show and rows and (bar.n == len(done) or bar.n // SHOWN < (bar.n + len(rows)) // SHOWN):
                bar.write(f"\n> {rows[-1]['prompt']}\n\n{rows[-1]['response']}\n")
            bar.update(len(rows))
    result = measurement.result(tokens)
    if model is None:
        result["peak_memory_bytes"] = None  # it is the server's
    if rank() > 0:
        return []
    responses = partial.collect([row["key"] for row in prompts])
    write_jsonl(RESPONSES / f"{name}.jsonl", responses)
    write_json(measured, {**result, "batch_size": size})
    return responses


def _responses(
    name: str, model, tokenizer, prompts: list[dict[str, Any]], params: dict[str, Any], done: Set[int]
) -> tuple[Iterator[list[tuple[int, decoding.Response]]], int]:
    """The responses as they finish, and how many prompts are under way at once."""
    generation, share = params["generation"], (rank(), world_size())
    asked = [conversation(row, generation) for row in prompts]
    if model is None:
        served_name = generation[f"{name}_model"] or params["model"]
        client = server_client.connect(generation)
        found = server_client.generate(client, served_name, asked, generation, params["seed"], done, share)
        return found, generation["concurrency"]
    ids = [prompt_tokens(tokenizer, turns) for turns in asked]
    config = decoding.generation_config(model, tokenizer, end_tokens(tokenizer), generation)
    size = generation["batch_size"]
    if size == "auto":
        size = kv_cache.batch_size(model, max(map(len, ids)) + config.max_new_tokens)
    say = (lambda text: tqdm.write(f"generate {name}: {text}")) if rank() == 0 else (lambda text: None)
    return decoding.generate(model, tokenizer, ids, config, size, params["seed"], done, share, say), size


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
    """What is counted of the base or the tuned model's responses."""
    tokens = [row["new_tokens"] for row in responses]
    cut = sum(row["finish_reason"] == "length" for row in responses)
    return {
        "responses": len(responses),
        "new_tokens": sum(tokens),
        "mean_new_tokens": sum(tokens) / len(tokens),
        "responses_cut": cut,
        "share_cut": cut / len(responses),
        "share_looping": sum(is_looping(row["response"]) for row in responses) / len(responses),
    }


def is_looping(text: str) -> bool:
    """Whether a run of ten words comes four times or more."""
    words = text.split()
    runs = Counter(tuple(words[start : start + 10]) for start in range(len(words) - 9))
    return any(count >= 4 for count in runs.values())
