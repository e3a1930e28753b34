"""transformers' own ``generate`` in padded batches, for models and ways of generating that need it."""

from collections.abc import Iterator
from copy import copy
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tuning.generation.sequence import Decoding, Sequence, own_seed
from tuning.model.architectures import architecture

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


def batches(order: list[Sequence], size: int, pads: bool = True) -> list[list[Sequence]]:
    """The sequences in batches, in the order given; those of a batch have the same limit.

    Args:
        pads: False for architectures that read padding as text; their batches hold prompts of equal length only.
    """
    alike = groupby(order, key=lambda sequence: (sequence.limit, pads or len(sequence.prompt)))
    groups = [list(group) for _, group in alike]
    return [group[start : start + size] for group in groups for start in range(0, len(group), size)]


def decode(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    how: Decoding,
    order: list[Sequence],
    size: int,
) -> Iterator[list[Sequence]]:
    """Yields the sequences of each finished batch.

    Args:
        how: where answers are sampled, the seed is set anew for every prompt; of several processes, each takes every
            so many batches.
        order: all sequences, open or finished. Batches are formed of all, so that a resumed run pads as an
            uninterrupted one does and writes the same text; a batch without an open sequence is skipped.
        size: of a batch; one, where answers are sampled, so that none depends on its neighbours.
    """
    import torch
    from transformers import set_seed

    virtual = getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False)
    # PEFT drops the positions of a padded batch, and puts virtual tokens before the padding.
    config, pads = how.config, architecture(model.config.model_type).pads and not virtual
    own, processes = how.share
    stops = {"tokenizer": tokenizer} if config.stop_strings else {}  # only then does it take one
    for batch in batches(order, 1 if config.do_sample else size, pads)[own::processes]:
        open_ones = [sequence for sequence in batch if sequence.finish_reason is None]
        if not open_ones:
            continue
        set_seed(own_seed(how.seed, batch[0].prompt))
        limited = copy(config)
        limited.max_new_tokens = batch[0].limit
        inputs = _left_padded([sequence.prompt for sequence in batch], tokenizer.pad_token_id)
        inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
        with torch.inference_mode():
            output = model.generate(**inputs, generation_config=limited, **stops)
        for sequence, ids in zip(batch, output[:, inputs["input_ids"].shape[1] :].tolist(), strict=True):
            _finish(sequence, ids, config, tokenizer.pad_token_id)
        yield open_ones


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


def _finish(sequence: Sequence, ids: list[int], config: "GenerationConfig", pad: int) -> None:
    """Takes what was written up to its end token; after a stop string, and nowhere else, there may be padding."""
    ends = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    end = next((position for position, token in enumerate(ids) if token in ends), None)
    if end is None and config.stop_strings:
        while ids and ids[-1] == pad:
            ids = ids[:-1]
    sequence.written = ids if end is None else ids[: end + 1]
    sequence.finish_reason = "length" if end is None and len(sequence.written) >= sequence.limit else "stop"
