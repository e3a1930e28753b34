"""Answers to requests of training rows, kept as they finish, so that a run that was killed goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from tuning.generation import decoding, kv_cache
from tuning.generation.response_file import Partial
from tuning.model.processes import rank, world_size

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def finished(folder: Path, name: str) -> Partial:
    """The answers so far.

    Args:
        folder: for this run's unfinished work.
        name: which of its answers.
    """
    return Partial(folder, name, rank())


def answer(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    ids: Sequence[list[int]],
    kept: Partial,
    new_tokens: int,
    seed: int,
    title: str,
) -> None:
    """Fills ``kept`` with the model's greedy answer to each prompt; of several processes, each answers its share.

    Args:
        ids: token ids of the prompts; an answer's key is its prompt's number.
        new_tokens: of an answer, at the most.
        title: of the progress bar.
    """
    config = decoding.generation_config(model, tokenizer, {"max_new_tokens": new_tokens})
    size = kv_cache.batch_size(model, max(map(len, ids)) + new_tokens)
    say = tqdm.write if rank() == 0 else lambda text: None
    how = decoding.Decoding(config, size, seed, (rank(), world_size()), say)
    with tqdm(total=len(ids), initial=len(kept.rows), desc=title, unit=" rows", disable=rank() > 0) as bar:
        for batch in decoding.generate(model, tokenizer, list(ids), how, kept.rows.keys()):
            kept.add([row(index, response) for index, response in batch])
            bar.update(len(batch))


def row(index: int, response: decoding.Response) -> dict[str, Any]:
    """One answer as it is kept."""
    return {"key": index, "response": response.text, "finish_reason": response.finish_reason}
