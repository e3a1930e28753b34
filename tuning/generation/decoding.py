"""Answers prompts. The batch changes the speed, never the answers.

Continuous batching (``tuning.generation.continuous.batching``) where the model's cache allows it, and transformers' own
``generate`` in padded batches (``tuning.generation.padded_batches``) elsewhere.
"""

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tuning.core.errors import UserError
from tuning.generation import padded_batches
from tuning.generation.answer_text import response_text
from tuning.generation.sequence import Decoding, Sequence, own_seed
from tuning.model.chat_template import end_tokens
from tuning.model.device import free_unused, is_out_of_memory, leave_out_cudnn_attention, products_in_tf32
from tuning.model.stored_ends import as_ids

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

_REAL = ("temperature", "repetition_penalty")  # which transformers refuses as whole numbers, such as 1
TRIED = 32  # tokens of a prompt, with which the logits are looked at before any answer
_TOO_BIG = (
    "memory ran out with one prompt at a time: set 'generation.max_new_tokens' lower, "
    "'quantization.enabled' to true, or take a smaller 'model'"
)


@dataclass(frozen=True)
class Response:
    """What the model wrote: ``finish_reason`` is ``stop`` at an end token, ``length`` where it was cut."""

    text: str
    new_tokens: int
    finish_reason: str


def generation_config(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", arguments: dict[str, Any]
) -> "GenerationConfig":
    """How to decode: ``arguments`` alone decide, not what the checkpoint's own generation_config.json says.

    Args:
        model: loses its own generation config, which would fill in what ``arguments`` leave out; so does the model
            inside PEFT's.
        arguments: of GenerationConfig; unless they name end tokens, these are the tokenizer's and the checkpoint's.
    """
    from transformers import GenerationConfig

    inner = _inner(model)
    own = as_ids(getattr(inner.generation_config, "eos_token_id", None))
    model.generation_config = inner.generation_config = GenerationConfig()
    stop = sorted({*end_tokens(tokenizer), *own})
    ends = {"eos_token_id": stop, "pad_token_id": tokenizer.pad_token_id}
    given = {key: float(value) if key in _REAL else value for key, value in arguments.items() if value is not None}
    return GenerationConfig(**ends | given)


def generate(
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    prompts: list[list[int]],
    how: Decoding,
    done: Set[int] = frozenset(),
) -> Iterator[list[tuple[int, Response]]]:
    """Yields responses as they finish, with the index of the prompt that each answers.

    Args:
        model: as loaded; PEFT's prompt tuning and LoRA included.
        prompts: token ids, one list a prompt.
        done: indices of prompts that need no answer.

    Raises:
        UserError: memory runs out with a single prompt.
    """
    from tuning.generation.continuous import batching
    from tuning.generation.continuous.packed_weights import packed_weights

    model.eval()
    inner, prefix = _unwrapped(model)
    shift = 0 if prefix is None else prefix.shape[1]
    fitted = fit(prompts, how.config.max_new_tokens, _context(inner) - shift, how.say)
    sequences = [Sequence(index, prompt, limit) for index, (prompt, limit) in enumerate(fitted)]
    for index in done:
        sequences[index].finish_reason = "stop"
    order = sorted(sequences, key=lambda sequence: (-len(sequence.prompt), sequence.index))
    prepared = _prepared(inner, how.config)
    leave_out_cudnn_attention()
    _check_logits(inner, prompts, prefix)
    if reason := _why_not(inner, prepared, prompts, prefix):
        how.say(f"transformers' own generate is used: {reason}")
        decode = partial(padded_batches.decode, model, tokenizer, how, order)
    else:
        _equip(sequences, inner, tokenizer, prepared, how.seed)
        decode = partial(_continuously, inner, order, how, prefix)
    attention = nullcontext() if reason else batching.grouped(inner)
    with packed_weights(inner), products_in_tf32(how.tf32), attention:
        for finished in _with_less_memory(decode, how.batch_size, how.say):
            yield [(sequence.index, _response(sequence, tokenizer, how.config)) for sequence in finished]


def _continuously(model, order: list[Sequence], how: Decoding, prefix, size: int) -> Iterator[list[Sequence]]:
    """The open sequences of this process, in continuous batches of so many."""
    from tuning.generation.continuous import batching

    own, processes = how.share
    waiting = [sequence for sequence in order[own::processes] if sequence.finish_reason is None]
    return batching.decode(model, waiting, size, _ends(how.config), prefix)


def _with_less_memory(decode, size: int, say: Callable[[str], None]) -> Iterator[list[Sequence]]:
    """The sequences as they finish; if memory runs out, the rest go on in batches of half the size."""

    while True:
        try:
            yield from decode(size=size)
            return
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if size == 1:
            raise UserError(_TOO_BIG)
        size = max(1, size // 2)
        say(f"memory ran out: going on with {size} prompts at once ('generation.batch_size')")
        free_unused()


def _why_not(model, config: "GenerationConfig", prompts: list[list[int]], prefix) -> str | None:
    """See ``supported_models.why_not``, which is tried with the shortest prompt."""
    from tuning.generation.continuous import supported_models

    with products_in_tf32(False), _said_if_too_big():
        return supported_models.why_not(model, config, min(prompts, key=len), prefix) if prompts else None


def _check_logits(model, prompts: list[list[int]], prefix) -> None:
    """Reads the shortest prompt; of logits that are no numbers, every answer would be made of the first token.

    Raises:
        UserError: they are none.
    """
    import torch

    from tuning.generation.continuous.batching import forward

    if not prompts:
        return
    with torch.inference_mode(), _said_if_too_big():
        ids = torch.tensor([min(prompts, key=len)[-TRIED:]], device=model.device)
        broken = forward(model, ids, prefix, use_cache=False).logits[0, -1].isnan().any()
    if broken:
        raise UserError(
            "the model computes no numbers (its logits are NaN): its weights are damaged, or they overflow: try "
            "'model_config.dtype' float32 or bfloat16, or another 'model'"
        )


@contextmanager
def _said_if_too_big() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise UserError(_TOO_BIG) from None


def fit(
    prompts: list[list[int]], most: int, context: int, say: Callable[[str], None] = print, cut: bool = True
) -> list[tuple[list[int], int]]:
    """Each prompt with the new tokens that it may get, both together no longer than the model's context.

    An answer gets room for at least a quarter of the context, or ``most`` tokens if that is less: the middle of a
    longer prompt is left out, and ``say`` reports it.

    Args:
        cut: False: prompts stay whole, and answers get what is left of the context, one token at the least.
    """
    least = min(most, max(1, context // 4))
    fitted, short = [], 0
    for index, prompt in enumerate(prompts):
        room = context - least
        if cut and len(prompt) > room:
            say(
                f"prompt {index + 1} has {len(prompt)} tokens, and the model's context is {context}: "
                f"{len(prompt) - room} tokens in its middle are left out"
            )
            prompt = prompt[: room // 2] + prompt[len(prompt) - (room - room // 2) :]
        limit = max(1, min(most, context - len(prompt)))
        short += limit < most
        fitted.append((prompt, limit))
    if short:
        say(f"{short} prompts get fewer than {most} new tokens: the model's context is {context}")
    return fitted


def _context(model: "PreTrainedModel") -> int:
    """The model's context length in tokens; a very large number where its configuration gives none."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 30


def _unwrapped(model):
    """The causal language model itself, LoRA left in place, and what prompt tuning puts before a prompt."""
    inner = _inner(model)
    if inner is model or not model.active_peft_config.is_prompt_learning:
        return inner, None
    return inner, model.get_prompt(1).detach()


def _inner(model):
    """The model inside PEFT's; without one, the model."""
    from peft import PeftModel

    return model.get_base_model() if isinstance(model, PeftModel) else model


def _prepared(model: "PreTrainedModel", config: "GenerationConfig") -> "GenerationConfig":
    """The config with the library's defaults and its tensors of special tokens, as ``generate`` prepares it."""
    prepared, _ = model._prepare_generation_config(config)
    model._prepare_special_tokens(prepared, True, device=model.device)
    return prepared


def _equip(sequences: list[Sequence], model, tokenizer, config: "GenerationConfig", seed: int) -> None:
    """Sets how sequences choose tokens and stop, where that is more than greedy choice and end tokens."""
    from transformers import StopStringCriteria

    criteria = StopStringCriteria(tokenizer, config.stop_strings) if config.stop_strings else None
    for sequence in sequences:
        if criteria:
            sequence.stop = partial(_stops, criteria, model.device)
        processors = model._get_logits_processor(
            generation_config=config, input_ids_seq_length=len(sequence.prompt), device=model.device
        )
        if processors or config.do_sample:
            generator = _generator(sequence, seed, model.device) if config.do_sample else None
            sequence.choose = partial(_chosen, processors, generator)


def _generator(sequence: Sequence, seed: int, device):
    """A source of random numbers that depends on the seed and the prompt."""
    import torch

    return torch.Generator(device).manual_seed(own_seed(seed, sequence.prompt))


def _chosen(processors, generator, sequence: Sequence, logits) -> int:
    import torch

    ids = torch.tensor([sequence.prompt + sequence.written], device=logits.device)
    scores = processors(ids, logits.to(torch.float32, copy=True))
    if generator is None:
        return int(scores.argmax())
    return int(torch.multinomial(torch.softmax(scores, dim=-1), 1, generator=generator))


def _stops(criteria, device, ids: list[int]) -> bool:
    import torch

    return bool(criteria(torch.tensor([ids], device=device), None)[0])


def _ends(config: "GenerationConfig") -> set[int]:
    ends = config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends} - {None}


def _response(sequence: Sequence, tokenizer: "PreTrainedTokenizerBase", config: "GenerationConfig") -> Response:
    """The answer as text, without its end token; the token count includes it."""
    written = sequence.written
    kept = written[:-1] if written and written[-1] in _ends(config) else written
    return Response(response_text(tokenizer, sequence.prompt, kept), len(written), sequence.finish_reason)
