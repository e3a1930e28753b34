"""Training speed: this project with ``auto`` settings, plain TRL, and TRL with Liger kernels, on the same rows."""

import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from bench.gpu.models import LLAMA, Bench, adapted, described, free, made, planned, tokenizer, values, wait
from bench.gpu.results import Results
from tests.tiny import ROOT
from tuning.memory import flops
from tuning.memory.estimator import Estimator
from tuning.memory.preflight import plan_training
from tuning.memory.run import Run
from tuning.training import settings
from tuning.training.trainer import encode, make_trainer

EPOCHS = 2  # kernels are compiled and memory is taken in the first one, and the second is timed


class Clock(TrainerCallback):
    """Seconds and tokens that are not padding, of the last epoch."""

    def on_step_end(self, args, state, control, **kwargs):
        wait()
        now = time.perf_counter(), int(state.num_input_tokens_seen)
        if state.global_step <= state.max_steps * (EPOCHS - 1) // EPOCHS:
            self.started = now
        self.last = now

    def result(self) -> tuple[float, int]:
        return self.last[0] - self.started[0], self.last[1] - self.started[1]


def run(bench: Bench) -> None:
    """The same rows each way. The matrix product rate comes first, since the others are told as a fraction of it."""
    results, started = Results(bench.out / "training.json"), time.perf_counter()
    rate = flops.matrix_rate(torch.bfloat16, bench.choose(8192, 256))
    results.add({"way": "bf16 matrix product", "flops_per_second": rate})
    rows = conversations(bench)
    for name, way in WAYS.items():
        if time.perf_counter() - started > bench.seconds:
            results.add({"way": name, "skipped": "no time was left"})
        elif "Liger" in name and not importlib.util.find_spec("liger_kernel"):
            results.add({"way": name, "skipped": "liger-kernel is not installed"})
        elif "Liger" in name and not torch.cuda.is_available():
            results.add({"way": name, "skipped": "its kernels need a GPU"})
        else:
            results.add({"way": name, **measured(bench, way, rows, rate)})
        free()


def conversations(bench: Bench) -> list[dict[str, Any]]:
    """Starter rows, spread over the file, as prompt and completion."""
    lines = (ROOT / "data/starter/instructions.jsonl").read_text(encoding="utf-8").splitlines()
    count = bench.choose(160, 32)
    rows = [json.loads(line) for line in lines[:: len(lines) // count][:count]]
    return [
        {
            "prompt": [{"role": "user", "content": f"{row['instruction']}\n{row['input']}".strip()}],
            "completion": [{"role": "assistant", "content": row["output"]}],
        }
        for row in rows
    ]


def measured(bench: Bench, way: Callable, rows: list[dict[str, Any]], rate: float) -> dict[str, Any]:
    """Tokens a second of one way, and which fraction of the matrix product rate its arithmetic takes."""
    trainer, run = way(bench, rows)
    clock = Clock()
    trainer.add_callback(clock)
    trainer.train()
    seconds, tokens = clock.result()
    length = tokens / len(rows)
    needed = flops.training_flops(Estimator(run.with_training(gradient_checkpointing=False)), tokens, length)
    args = trainer.args
    return {
        "tokens_per_second": tokens / seconds,
        "share_of_matrix_product_rate": needed / seconds / rate,
        "seconds": seconds,
        "steps": trainer.state.global_step,
        "loss": trainer.state.log_history[-1].get("train_loss"),
        "batch": args.per_device_train_batch_size,
        "accumulation": args.gradient_accumulation_steps,
        "checkpointing": bool(args.gradient_checkpointing),
        "peak": torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None,
    }


def ours(bench: Bench, rows: list[dict[str, Any]]):
    """The trainer of this project, with everything ``auto`` as params.yaml has it; and its run."""
    words = tokenizer()
    params, spec = described(bench, values(LLAMA, num_train_epochs=EPOCHS))
    train = encode(rows, words, params.train.arguments["max_length"])
    plan = plan_training(
        planned(params, spec, folder(bench)),
        [len(ids) for ids in train["input_ids"]],
        settings.automatic(params.train),
        strict=False,
    ).run
    return make_trainer(adapted(plan), words, plan.training, train, []), plan


def plain(bench: Bench, rows: list[dict[str, Any]], **more: Any):
    """TRL with its defaults and the same LoRA; and the run that its arithmetic is told by."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    torch.backends.cuda.enable_cudnn_sdp(True)  # torch's default, which this project's own trainer switches off
    params, spec = described(bench, values(LLAMA))
    run: Run = planned(params, spec, folder(bench))
    config = SFTConfig(
        str(folder(bench)),
        num_train_epochs=EPOCHS,
        report_to="none",
        save_strategy="no",
        include_num_input_tokens_seen="non_padding",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        **more,
    )
    data, lora = Dataset.from_list(rows), run.adapter.lora
    trainer = SFTTrainer(
        model=made(spec), args=config, processing_class=tokenizer(), train_dataset=data, peft_config=lora
    )
    return trainer, run


def liger(bench: Bench, rows: list[dict[str, Any]]):
    """The same with Liger's kernels."""
    return plain(bench, rows, use_liger_kernel=True)


def folder(bench: Bench) -> Path:
    """For what a trainer wants to write."""
    return bench.out / "unfinished"


WAYS = {"this project, auto": ours, "TRL, its defaults": plain, "TRL with Liger kernels": liger}
