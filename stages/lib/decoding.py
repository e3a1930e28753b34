"""Answering prompts in batches, with transformers' ``generate``."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from stages.lib.architectures import architecture

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

# Keys of the section 'generation' that are not GenerationConfig's.
BATCHING = ("batch_size", "num_batches")


@dataclass(frozen=True)
class Response:
    """What the model wrote: ``finish_reason`` is ``stop`` at an end token, ``length`` where it was cut."""

    text: str
    new_tokens: int
    finish_reason: str


def generation_config(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", ends: list[int], generation: dict[str, Any]
) -> "GenerationConfig":
    """How to decode: ``generation`` alone decides, not what the checkpoint's own generation_config.json says."""
    from transformers import GenerationConfig

    given = {key: value for key, value in generation.items() if key not in BATCHING}
    return GenerationConfig(**{"eos_token_id": ends, "pad_token_id": tokenizer.pad_token_id, **given})


def batches(prompts: list[list[int]], batch_size: int, pads: bool = True) -> list[list[int]]:
    """Indices of the prompts in batches of like length, the longest first, so that little is padded.

    Args:
        pads: False for architectures that read padding, of which a batch takes equal lengths only.
    """
    order = sorted(range(len(prompts)), key=lambda index: (-len(prompts[index]), index))
    groups = [order] if pads else [list(group) for _, group in groupby(order, key=lambda index: len(prompts[index]))]
    return [group[start : start + batch_size] for group in groups for start in range(0, len(group), batch_size)]


def generate(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: list[list[int]],
    config: "GenerationConfig",
    batch_size: int,
    seed: int,
    done: Set[int] = frozenset(),
    share: tuple[int, int] = (0, 1),
) -> Iterator[list[tuple[int, Response]]]:
    """Yields the responses of each finished batch, with the index of the prompt that each answers.

    Args:
        prompts: token ids, one list a prompt.
        seed: of sampling, where ``config`` samples; set anew for every batch.
        done: indices of prompts that need no answer. Batches are the same with and without them, so
            that a resumed run pads as an uninterrupted one and writes the same text.
        share: of several processes, this one's number and how many there are; each takes every so many batches.
    """
    import torch
    from transformers import set_seed

    model.eval()
    pads = architecture(model.config.model_type).pads
    own, processes = share
    stops = {"tokenizer": tokenizer} if config.stop_strings else {}  # only then does it take one
    for batch in batches(prompts, batch_size, pads)[own::processes]:
        if done.issuperset(batch):
            continue
        set_seed(seed + batch[0])
        inputs = _left_padded([prompts[index] for index in batch], tokenizer.pad_token_id)
        inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
        with torch.inference_mode():
            sequences = model.generate(**inputs, generation_config=config, **stops)
        written = sequences[:, inputs["input_ids"].shape[1] :].tolist()
        yield [(index, _response(ids, tokenizer, config)) for index, ids in zip(batch, written, strict=True)]


def _left_padded(prompts: list[list[int]], pad: int) -> dict[str, Any]:
    """input_ids and attention_mask, (batch, length): every prompt ends in the last column."""
    import torch

    length = max(map(len, prompts))
    ids = torch.full((len(prompts), length), pad)
    mask = torch.zeros((len(prompts), length), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, length - len(prompt) :] = torch.tensor(prompt)
        mask[row, length - len(prompt) :] = 1
    return {"input_ids": ids, "attention_mask": mask}


def _response(ids: list[int], tokenizer: "PreTrainedTokenizerBase", config: "GenerationConfig") -> Response:
    ends = set(config.eos_token_id)
    end = next((position for position, token in enumerate(ids) if token in ends), None)
    kept = ids if end is None else ids[:end]
    while end is None and kept and kept[-1] == tokenizer.pad_token_id:  # after a stop string
        kept = kept[:-1]
    new_tokens = len(kept) + (end is not None)
    cut = end is None and new_tokens >= config.max_new_tokens
    return Response(tokenizer.decode(kept, skip_special_tokens=True), new_tokens, "length" if cut else "stop")
