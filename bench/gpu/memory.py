"""Memory: the peak of real steps of training and of generation, against the estimate."""

import contextlib
import time
from dataclasses import dataclass
from typing import Any

import torch

from bench.gpu.models import GEMMA, LLAMA, PHI, QWEN, Bench, adapted, described, free, made, planned, tokenizer, values
from bench.gpu.results import Results
from tuning.generation import decoding
from tuning.memory.estimator import Estimator
from tuning.memory.run import Run
from tuning.memory.tensor_bytes import TensorBytes
from tuning.model.adapters import AdapterSpec
from tuning.model.device import device, free_bytes, is_out_of_memory


@dataclass(frozen=True)
class Case:
    """A training step, or generation where ``new_tokens`` is not 0, of ``batch`` rows of ``length`` tokens."""

    model: str
    kind: str
    batch: int
    length: int
    checkpointing: bool = False
    new_tokens: int = 0

    def __str__(self) -> str:
        what = f"{self.kind}, {self.batch} x {self.length}"
        more = f" + {self.new_tokens} new" if self.new_tokens else ", checkpointing" if self.checkpointing else ""
        return f"{self.model.split('/')[1]}, {what}{more}"


# The most telling first: a run that is cut has those. With --tiny only the first eight, one of each kind, are measured.
CASES = [
    Case(LLAMA, "LoRA", 4, 512),
    Case(LLAMA, "LoRA", 4, 2048, True),
    Case(LLAMA, "4 bits", 4, 512),
    Case(LLAMA, "LoRA", 16, 512, new_tokens=64),
    Case(GEMMA, "full", 4, 512),
    Case(LLAMA, "8 bits", 4, 512, True),
    Case(QWEN, "prompt tuning", 4, 512),
    Case(QWEN, "LoRA", 1, 2048),
    Case(PHI, "LoRA", 16, 512, True),
    Case(LLAMA, "LoRA", 16, 2048, True),
    Case(LLAMA, "4 bits", 1, 2048, True),
    Case(GEMMA, "full", 1, 2048, True),
    Case(GEMMA, "LoRA", 4, 2048),
    Case(LLAMA, "LoRA", 16, 512),
    Case(QWEN, "4 bits", 16, 2048, True),
    Case(QWEN, "LoRA", 64, 128, new_tokens=64),
    Case(PHI, "full", 1, 512),
    Case(QWEN, "8 bits", 16, 512, True),
    Case(GEMMA, "prompt tuning", 16, 512),
    Case(LLAMA, "LoRA", 1, 512),
    Case(LLAMA, "LoRA", 4, 2048),
    Case(GEMMA, "LoRA", 64, 512, new_tokens=64),
]


def run(bench: Bench) -> None:
    """Measures the cases one after another until the time is over."""
    results, started = Results(bench.out / "memory.json"), time.perf_counter()
    for case in CASES[: bench.choose(len(CASES), 8)]:
        if time.perf_counter() - started > bench.seconds:
            results.add({"case": str(case), "skipped": "no time was left"})
            continue
        results.add({"case": str(case), **compared(bench, case)})
        free()


def compared(bench: Bench, case: Case) -> dict[str, Any]:
    """Estimated and measured bytes of one case; or why it was not measured."""
    batch, length = case.batch, bench.choose(case.length, case.length // 16)
    train = {
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": 1,
        "gradient_checkpointing": case.checkpointing,
        "max_steps": 2,
        "max_length": None,
    }
    params, spec = described(bench, values(case.model, case.kind, **train))
    plan = planned(params, spec, bench.out / "unfinished")
    if case.new_tokens:
        estimate = Estimator(Run(spec, AdapterSpec(None, None))).generation(batch, length, case.new_tokens)
    else:
        estimate = Estimator(plan).training(batch, length)
    if estimate.least > 0.97 * free_bytes():
        return {"estimated": estimate.tensors, "skipped": "by the estimate it does not fit"}
    try:
        peak = generation_peak(spec, case, length) if case.new_tokens else training_peak(plan, batch, length)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return {"estimated": estimate.tensors, "skipped": "memory ran out"}
    parts = {name: size for name, size in vars(estimate).items() if size}
    return {"estimated": estimate.tensors, "measured": peak, "error": estimate.tensors / peak - 1, "parts": parts}


def training_peak(plan, batch: int, length: int) -> int:
    """Bytes of tensors at the greatest moment of two steps."""
    from datasets import Dataset

    from tuning.training.trainer import make_trainer

    # Of different lengths, with hardly a prompt: without padding attention needs no mask and repeats no keys, and the
    # head computes logits only where something is to be learnt, so that a step takes less than the estimate allows for.
    rows = [[5 + place % 500 for place in range(length - number % batch)] for number in range(2 * batch)]
    rows = [{"input_ids": row, "labels": [-100] * 3 + row[3:]} for row in rows]
    trainer = make_trainer(adapted(plan), tokenizer(), plan.training, Dataset.from_list(rows), [])
    with peak(trainer.model) as found:
        trainer.train()
    return found["bytes"]


def generation_peak(spec, case: Case, length: int) -> int:
    """Bytes of tensors at the greatest moment of answering ``batch`` prompts at once."""
    model, words = made(spec), tokenizer()
    config = decoding.generation_config(model, words, never_ending(spec, case.new_tokens))
    prompts = [[5 + (number + place) % 500 for place in range(length)] for number in range(case.batch)]
    how = decoding.Decoding(config, case.batch, seed=0)
    with peak(model) as found:
        list(decoding.generate(model, words, prompts, how))
    return found["bytes"]


def never_ending(spec, new_tokens: int) -> dict[str, Any]:
    """Arguments of generation with which an answer hardly ever ends early: no text favours this end token."""
    return {"max_new_tokens": new_tokens, "eos_token_id": [spec.config.get_text_config().vocab_size - 1]}


@contextlib.contextmanager
def peak(model):
    """Yields a mapping that holds, after the block, the ``bytes`` of its greatest moment."""
    free()
    found: dict[str, int] = {}
    if device() == "cuda":
        yield found
        found["bytes"] = torch.cuda.max_memory_allocated()
        return
    with TensorBytes() as counter:
        counter.note_weights(model)
        yield found
    found["bytes"] = counter.peak
