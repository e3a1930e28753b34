"""Where the time of a training step on a CPU goes: torch.profiler's seconds by what they were spent on.

    python bench/train_profile.py [--rows 44] [--batch 4] [--bf16]

Trains on starter rows as the stage does. The first steps warm up and are left out. What torch's operations did not take
is Python's: the trainer, the model's modules, autograd.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from torch.profiler import ProfilerActivity, profile
from transformers import TrainerCallback

from bench.train_speed import chosen, ours
from tuning.config.params import checked
from tuning.config.yaml_file import load
from tuning.core.allocator import keep_freed_memory
from tuning.memory.run import Run
from tuning.model.adapters import adapter_spec
from tuning.model.chat_template import load_tokenizer
from tuning.model.model_spec import model_spec
from tuning.training.trainer import training_config

WARM_UP = 3  # steps
PRODUCTS = {"aten::mm", "aten::addmm", "aten::linear", "aten::matmul"}
ATTENTION = {"aten::bmm", "aten::baddbmm", "aten::_softmax", "aten::_softmax_backward_data", "aten::masked_fill_"}
ATTENTION |= {"aten::_scaled_dot_product_flash_attention_for_cpu"}
ATTENTION |= {"aten::_scaled_dot_product_flash_attention_for_cpu_backward"}
COPIES = {"aten::copy_", "aten::_to_copy", "aten::clone", "aten::cat", "aten::fill_"}
OPTIMIZER = ("foreach", "adamw", "_norm", "Optimizer")
ELEMENTWISE = ("mul", "add", "sub", "div", "neg", "rsqrt", "pow", "mean", "sum", "silu", "silu_backward", "cos", "sin")


class Profile(TrainerCallback):
    """Seconds and tokens of the steps after the warm-up, and what torch's operations took of them."""

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == WARM_UP:
            self.profile = profile(activities=[ProfilerActivity.CPU], record_shapes=True)
            self.profile.start()
            self.started, self.before = time.perf_counter(), state.num_input_tokens_seen

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == state.max_steps:
            self.seconds = time.perf_counter() - self.started
            self.tokens = int(state.num_input_tokens_seen - self.before)
            self.steps = state.max_steps - WARM_UP
            self.profile.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=44)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--bf16", action="store_true", help="train in bfloat16")
    parser.set_defaults(tokens=None)
    arguments = parser.parse_args()
    if arguments.batch < 1:
        parser.error("--batch: 1 or more")
    if arguments.rows < (WARM_UP + 1) * arguments.batch:
        parser.error(f"--rows: {(WARM_UP + 1) * arguments.batch} or more, since {WARM_UP} batches warm up")
    found, sizes = profiled(arguments)
    spent = Counter()
    for event in found.profile.key_averages(group_by_input_shape=True):
        spent[kind(event.key, dimensions(event.input_shapes), sizes)] += event.self_cpu_time_total / 1e6
    spent["Python, between torch's operations"] = found.seconds - spent.total()
    print(f"\n{found.tokens} tokens in {found.steps} steps, {found.seconds:.2f} seconds\n")
    print("| spent on | of the time |\n| --- | --- |")
    for name, seconds in spent.most_common():
        print(f"| {name} | {seconds / found.seconds:.1%} |")


def profiled(arguments: argparse.Namespace) -> tuple[Profile, tuple[int, int]]:
    """A training with its profile, and the sizes of the vocabulary and of LoRA's rank."""
    keep_freed_memory()  # as the stage does
    values = load(ROOT / "params.yaml")
    values["model"] = str(ROOT / values["model"])
    values["train"].update(per_device_train_batch_size=arguments.batch, gradient_accumulation_steps=1)
    values["train"].update(gradient_checkpointing=False, bf16=arguments.bf16, save_strategy="no", eval_strategy="no")
    values["train"].update(eval_on_start=False, learning_rate=1e-3)
    params = checked(values)
    tokenizer, spec, adapter, found = load_tokenizer(params), model_spec(params), adapter_spec(params), Profile()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(spec, adapter, training_config(params, spec, adapter, Path(folder), False))
        trainer = ours(run, chosen(values, tokenizer, arguments), tokenizer)
        trainer.add_callback(found)
        trainer.train()
    return found, (spec.config.vocab_size, params.lora.r)


def dimensions(shapes: list) -> set[int]:
    """Every dimension of an operation's tensors, those of lists included."""
    found = set()
    for shape in shapes:
        found |= {shape} if isinstance(shape, int) else dimensions(shape) if isinstance(shape, list | tuple) else set()
    return found


def kind(name: str, sizes: set[int], known: tuple[int, int]) -> str:
    """What an operation belongs to, by its name and its tensors' dimensions.

    Args:
        known: sizes of the vocabulary and of LoRA's rank.
    """
    vocabulary, rank = known
    if any(part in name for part in OPTIMIZER):
        return "optimizer and clipping"
    if name in PRODUCTS:
        products = {vocabulary: "head: products", rank: "LoRA: products"}
        return next((text for size, text in products.items() if size in sizes), "linear layers: products")
    if vocabulary in sizes:
        return "head: softmax, loss, casts"
    if name in ATTENTION:
        return "attention"
    if name in COPIES:
        return "copies and casts"
    if name.removeprefix("aten::").rstrip("_") in ELEMENTWISE:
        return "by element: norms, rotary embedding, gates, residuals"
    return "the rest of torch"


if __name__ == "__main__":
    main()
