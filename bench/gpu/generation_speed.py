"""Generation: the engine's speed and texts beside those of transformers' ``generate`` and its continuous batching."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from bench.gpu.memory import never_ending
from bench.gpu.models import LLAMA, Bench, described, free, made, tokenizer, values, wait
from bench.gpu.results import Results
from tests.tiny import ROOT
from tuning.generation import decoding, kv_cache
from tuning.model.adapters import adapter_spec, add_adapter
from tuning.model.architectures import shortened
from tuning.model.chat_template import prompt_tokens


@dataclass(frozen=True)
class Work:
    """A model, its tokenizer, how it decodes, how many prompts it answers at once, and whether products are in TF32.

    Attributes:
        said: what the engine says, such as why it leaves the work to ``generate``.
    """

    model: Any
    words: Any
    config: Any
    size: int
    tf32: bool = True
    said: list[str] = field(default_factory=list)


def run(bench: Bench) -> None:
    """Equal texts first, then the speeds, the engine's before the others'; what would outlast the time is left out."""
    results, ends = Results(bench.out / "generation.json"), time.perf_counter() + bench.seconds
    results.add(equality(bench))
    free()
    few, many = bench.choose((128, 541), (6, 12))
    work = prepared(bench, bench.choose(256, 8))
    results.add({"way": "engine", "prompts": few, **measured(work, engine, token_ids(work.words, few))})
    results.add({"way": "engine", "prompts": many, **measured(work, engine, token_ids(work.words, many))})
    del work
    for kind in KINDS:
        work = prepared(bench, bench.choose(64, 8), kind)
        results.add({"way": f"engine, {kind}", "prompts": few, **measured(work, engine, token_ids(work.words, few))})
        del work
    work, seconds = prepared(bench, bench.choose(256, 8)), {}
    for count in (few, many):
        for name, way in OTHERS.items():
            if time.perf_counter() + seconds.get(name, 0) * count / few > ends:
                results.add({"way": name, "prompts": count, "skipped": "no time was left"})
                continue
            found = measured(work, way, token_ids(work.words, count))
            seconds.setdefault(name, found.get("seconds", 0))
            results.add({"way": name, "prompts": count, **found})


def prepared(bench: Bench, new_tokens: int, kind: str | None = None) -> Work:
    """Llama-3.1-8B in its own dtype or of this kind, with a new adapter, and greedy decoding of so many tokens."""
    free()
    params, spec = described(bench, values(LLAMA, kind or "LoRA"))
    model, words = made(spec), tokenizer()
    if kind is not None:
        model = add_adapter(model, spec, adapter_spec(params), checkpointing=False).eval()
    config = decoding.generation_config(model, words, never_ending(spec, new_tokens))
    longest = max(map(len, token_ids(words, 264)))
    return Work(model, words, config, kv_cache.batch_size(model, longest + new_tokens))


def token_ids(words, count: int) -> list[list[int]]:
    """So many starter prompts; where there are no more, they come again with a word before them."""
    lines = (ROOT / "data/starter/prompts.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(lines[number % len(lines)])["prompt"] for number in range(count)]
    texts = [text if number < len(lines) else f"Please: {text}" for number, text in enumerate(texts)]
    return [prompt_tokens(words, [{"role": "user", "content": text}]) for text in texts]


def measured(work: Work, way: Callable, prompts: list[list[int]]) -> dict[str, Any]:
    """Tokens a second and peak memory of one way; or why it failed."""
    torch.backends.cuda.enable_cudnn_sdp(way is not engine)  # torch's default; the engine switches it off
    free()
    wait()
    started = time.perf_counter()
    try:
        answers = way(work, prompts)
    except (RuntimeError, ValueError, ImportError, AttributeError, TypeError) as error:  # another library's own way
        if way is engine:
            raise
        return {"skipped": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}
    wait()
    seconds = time.perf_counter() - started
    tokens = sum(count for count, _ in answers)
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    said = {"said": "; ".join(work.said)} if work.said else {}
    return {"tokens_per_second": tokens / seconds, "new_tokens": tokens, "seconds": seconds, "peak": peak, **said}


def engine(work: Work, prompts: list[list[int]]) -> list[tuple[int, str]]:
    """This project's decoding, as many prompts at once as fit: new tokens and text of each answer."""
    found: dict[int, tuple[int, str]] = {}
    how = decoding.Decoding(work.config, work.size, seed=0, tf32=work.tf32, say=work.said.append)
    for batch in decoding.generate(work.model, work.words, prompts, how):
        found |= {index: (response.new_tokens, response.text) for index, response in batch}
    return [found[index] for index in range(len(prompts))]


def generate(work: Work, prompts: list[list[int]]) -> list[tuple[int, str]]:
    """transformers' ``generate``, prompts sorted by length, as many at once as the engine takes."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    found: dict[int, tuple[int, str]] = {}
    for first in range(0, len(order), work.size):
        batch = order[first : first + work.size]
        given = {"input_ids": [prompts[index] for index in batch]}
        inputs = work.words.pad(given, padding_side="left", return_tensors="pt").to(work.model.device)
        with torch.inference_mode():
            output = work.model.generate(
                input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], generation_config=work.config
            )
        written = output[:, inputs["input_ids"].shape[1] :].tolist()
        for index, ids in zip(batch, written, strict=True):
            kept = ended(ids, work.config.eos_token_id)
            found[index] = len(kept), work.words.decode(kept, skip_special_tokens=True)
    return [found[index] for index in range(len(prompts))]


def ended(ids: list[int], ends: list[int]) -> list[int]:
    """What was written up to the first end token."""
    return ids[: next((place + 1 for place, token in enumerate(ids) if token in ends), len(ids))]


def continuous(work: Work, prompts: list[list[int]]) -> list[tuple[int, str]]:
    """transformers' continuous batching; its answers come in an order of its own, and their texts are left out."""
    from transformers import ContinuousBatchingConfig

    found = work.model.generate_batch(prompts, work.config, ContinuousBatchingConfig(max_memory_percent=0.3))
    return [(len(output.generated_tokens), "") for output in found.values()]


def equality(bench: Bench) -> dict[str, Any]:
    """How many greedy texts of engine and ``generate`` are equal in float32, without TF32.

    The model has four layers of Llama-3.1-8B's size, and no more tokens than the tokenizer, so that a text shows every
    token.
    """
    params, spec = described(bench, values(LLAMA))
    words, config = tokenizer(), shortened(spec.config, bench.choose(4, 2))
    config.vocab_size = len(words)
    model = made(replace(spec, config=config, dtype=torch.float32))
    given = params.generation.arguments | {"max_new_tokens": bench.choose(64, 8)}
    work = Work(model, words, decoding.generation_config(model, words, given), 16, tf32=False)
    prompts = token_ids(words, bench.choose(40, 8))
    mine, theirs = engine(work, prompts), generate(work, prompts)
    equal = sum(one == other for one, other in zip(mine, theirs, strict=True))
    different = len({text for _, text in mine})
    found = {"equal_texts": equal, "prompts": len(prompts), "different_texts": different, "dtype": "float32"}
    return found | {"said": "; ".join(work.said)}


KINDS = ("LoRA", "4 bits", "8 bits")
OTHERS = {"generate": generate, "generate_batch": continuous}
