"""Estimated against measured memory, over a grid of models, adapters, batches and lengths.

    python bench/memory_accuracy.py [--only TEXT] [--picture docs/memory_accuracy.png]

Each configuration runs in a fresh process with a randomly initialised model: two training steps on rows of almost
``length`` tokens, as the stage does them, or generation by the stage's decoding. Two peaks are measured: the bytes of
live tensors (every operation is watched; ``torch.cuda.max_memory_allocated`` on CUDA) and, on a CPU, the resident size
of the process, which is compared with the estimate that includes the runtime. Freed memory is returned to the system
here, as the stages do where memory is short; with more memory they keep it for speed (``tuning.core.allocator``).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Of a model: its type, layers, hidden size, size between, query heads, key-value heads, vocabulary, dtype as saved.
MODELS = {
    "llama 25M": ("llama", 8, 384, 1024, 6, 2, 16384, "float32"),
    "llama 163M": ("llama", 30, 576, 1536, 9, 3, 49152, "float32"),
    "gemma2 123M": ("gemma2", 12, 768, 2048, 8, 4, 64000, "float32"),
    "phi 525M in bf16": ("phi", 20, 1280, 5120, 16, 16, 51200, "bfloat16"),
    "phi 525M": ("phi", 20, 1280, 5120, 16, 16, 51200, "float32"),
}
# Model, what is trained, batch, length, gradient checkpointing.
TRAINING = [
    ("llama 25M", "LoRA", 16, 128, False),
    ("llama 25M", "LoRA", 4, 512, False),
    ("llama 25M", "LoRA", 4, 1024, True),
    ("llama 25M", "full", 8, 256, False),
    ("llama 25M", "full", 16, 128, True),
    ("llama 25M", "prompt tuning", 8, 256, False),
    ("llama 25M", "LoRA, 4 bits", 8, 256, False),
    ("llama 25M", "LoRA, 4 bits", 2, 512, True),
    ("llama 163M", "LoRA", 2, 256, False),
    ("llama 163M", "LoRA", 8, 128, True),
    ("llama 163M", "full", 1, 256, False),
    ("llama 163M", "full", 2, 128, True),
    ("llama 163M", "prompt tuning", 2, 256, False),
    ("llama 163M", "LoRA, 4 bits", 1, 256, False),
    ("gemma2 123M", "LoRA", 4, 256, False),
    ("gemma2 123M", "LoRA", 8, 256, True),
    ("gemma2 123M", "full", 2, 256, False),
    ("gemma2 123M", "prompt tuning", 4, 128, False),
    ("gemma2 123M", "LoRA, 4 bits", 2, 128, False),
    ("phi 525M", "LoRA", 1, 128, False),
    ("phi 525M", "LoRA", 2, 512, True),
    ("phi 525M", "full", 1, 128, False),
    ("phi 525M", "prompt tuning", 1, 256, False),
    ("phi 525M", "LoRA, 4 bits", 1, 128, False),
    ("llama 25M", "LoRA, bf16 steps", 8, 256, False),
    ("llama 25M", "full, bf16 steps", 16, 128, True),
    ("llama 163M", "LoRA, bf16 steps", 4, 256, False),
    ("llama 163M", "LoRA, bf16 weights and steps", 4, 256, False),
    ("llama 163M", "LoRA, 4 bits, bf16 steps", 2, 256, True),
    ("gemma2 123M", "full, bf16 steps", 4, 256, False),
    ("gemma2 123M", "prompt tuning, bf16 weights and steps", 4, 256, False),
    ("phi 525M", "LoRA, bf16 weights and steps", 2, 256, False),
    ("phi 525M in bf16", "LoRA, 4 bits", 1, 128, False),
]
# Model, prompts at once, tokens of a prompt, new tokens.
GENERATION = [
    ("llama 25M", 16, 64, 32),
    ("llama 25M", 128, 64, 32),
    ("llama 25M", 32, 400, 32),
    ("llama 163M", 16, 64, 32),
    ("llama 163M", 64, 128, 32),
    ("gemma2 123M", 32, 64, 32),
    ("gemma2 123M", 16, 256, 32),
    ("phi 525M", 16, 64, 32),
    ("phi 525M in bf16", 16, 64, 32),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="configurations whose description contains this text")
    parser.add_argument("--picture", type=Path, help="where to write the scatter plot")
    parser.add_argument("--one", help="measure this configuration, as JSON, in this process")
    arguments = parser.parse_args()
    if arguments.one:
        print("\n" + json.dumps(measure(*json.loads(arguments.one))))
        return
    cases = [case for case in TRAINING + GENERATION if not arguments.only or arguments.only in describe(*case)]
    print("| configuration | tensors: estimated, MiB | measured | error | resident: estimated | measured | error |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    found = {}
    for case in cases:
        command = [sys.executable, __file__, "--one", json.dumps(case)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[describe(*case)] = values = json.loads(done.stdout.splitlines()[-1])
        cells = []
        for estimated, measured in values.values():
            cells += [f"{estimated / 2**20:,.0f}", f"{measured / 2**20:,.0f}", f"{estimated / measured - 1:+.1%}"]
        print(f"| {describe(*case)} | {' | '.join(cells)} |", flush=True)
    for kind in ("tensors", "resident"):
        errors = [abs(values[kind][0] / values[kind][1] - 1) for values in found.values() if kind in values]
        if errors:
            print(f"\n{kind}: greatest error {max(errors):.1%}, mean {sum(errors) / len(errors):.1%}")
    if arguments.picture:
        arguments.picture.write_bytes(picture(found))


def describe(model: str, *rest) -> str:
    if len(rest) == 3:
        return f"{model}, generation, batch {rest[0]}, {rest[1]} + {rest[2]} tokens"
    return f"{model}, {rest[0]}, batch {rest[1]}, length {rest[2]}{', checkpointing' if rest[3] else ''}"


def measure(model: str, *rest) -> dict[str, tuple[int, int]]:
    """Estimated and measured bytes, of tensors and of the process."""
    import torch

    from tests.tuning.estimates import estimator
    from tuning.core import allocator
    from tuning.core.measurement import peak_memory
    from tuning.memory.tensor_bytes import TensorBytes

    allocator.give_back_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        values, run = (trained if len(rest) == 4 else generated)(Path(folder), MODELS[model], *rest)
        model = estimator(values, device=None)
        estimated = model.training(*rest[1:3]) if len(rest) == 4 else model.generation(*rest)
        work = run()
        with TensorBytes() as counter:
            counter.note_weights(work.model)
            work()
    if torch.cuda.is_available():
        return {"tensors": (estimated.tensors, peak_memory())}
    return {"tensors": (estimated.tensors, counter.peak), "resident": (estimated.total - estimated.kept, peak_memory())}


class Work:
    """What is measured, and the model that it uses."""

    def __init__(self, model, work):
        self.model, self.work = model, work

    def __call__(self):
        self.work()


def trained(folder: Path, facts: tuple, kind: str, batch: int, length: int, checkpointing: bool):
    """The experiment's values, and what makes two steps of training ready."""
    values = experiment(folder, facts, quantized="4 bits" in kind)
    values["lora"]["enabled"], values["prompt_tuning"]["enabled"] = "LoRA" in kind, "prompt" in kind
    values["full_finetuning"] = "full" in kind
    values["train"]["bf16"] = "bf16" in kind
    if "bf16 weights" in kind:
        values["model_config"]["dtype"] = "bfloat16"
    values["train"].update(per_device_train_batch_size=batch, gradient_accumulation_steps=1, max_steps=2)
    values["train"]["gradient_checkpointing"] = checkpointing
    values["train"].update(eval_strategy="no", eval_on_start=False, save_strategy="no", max_length=None)

    def run() -> Work:
        from datasets import Dataset

        from tests import loading, tiny

        rows = []
        for number in range(2 * batch):
            tokens = [5 + (number + place) % 90 for place in range(length - number % batch)]
            rows.append({"input_ids": tokens, "labels": [-100] * (len(tokens) // 2) + tokens[len(tokens) // 2 :]})
        tokenizer = tiny.tokenizer()
        tokenizer.pad_token = "<|endoftext|>"
        trainer = loading.trainer(values, tokenizer, Dataset.from_list(rows), folder / "out")
        return Work(trainer.model, trainer.train)

    return values, run


def generated(folder: Path, facts: tuple, batch: int, prompt: int, new_tokens: int):
    """The experiment's values, and what makes generation ready."""
    values = experiment(folder, facts)

    def run() -> Work:
        from tests import loading, tiny
        from tuning.generation import decoding

        model, tokenizer = loading.base(values), tiny.tokenizer()
        tokenizer.pad_token = "<|endoftext|>"
        settings = {"max_new_tokens": new_tokens, "min_new_tokens": new_tokens, "eos_token_id": [1]}
        config = decoding.generation_config(model, tokenizer, settings)
        how = decoding.Decoding(config, batch, seed=0)
        prompts = [[5 + (number + place) % 90 for place in range(prompt)] for number in range(batch)]
        return Work(model, lambda: list(decoding.generate(model, tokenizer, prompts, how)))

    return values, run


def experiment(folder: Path, facts: tuple, quantized: bool = False) -> dict[str, Any]:
    """The default experiment with a randomly initialised model, saved in the folder."""
    from transformers import AutoConfig, AutoModelForCausalLM

    from tuning.config.yaml_file import load

    kind, layers, hidden, between, heads, groups, vocabulary, dtype = facts
    config = AutoConfig.for_model(
        kind,
        num_hidden_layers=layers,
        hidden_size=hidden,
        intermediate_size=between,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        head_dim=hidden // heads,
        vocab_size=vocabulary,
    )
    AutoModelForCausalLM.from_config(config, dtype=dtype).save_pretrained(folder)
    values = load(ROOT / "params.yaml")
    values["model"], values["quantization"]["enabled"] = str(folder), quantized
    return values


def picture(found: dict[str, dict]) -> bytes:
    """A PNG: estimated against measured, with the bounds of ten per cent."""
    import io

    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 5.5), layout="constrained")
    for kind, colour in (("tensors", "#1f77b4"), ("resident", "#d9822b")):
        points = [values[kind] for values in found.values() if kind in values]
        axes.scatter(
            [measured / 2**20 for _, measured in points],
            [estimated / 2**20 for estimated, _ in points],
            s=22, color=colour, label=kind, alpha=0.8,
        )  # fmt: skip
    bounds = [100, 10000]
    axes.plot(bounds, bounds, color="black", linewidth=0.8)
    for factor in (0.9, 1.1):
        axes.plot(bounds, [factor * bound for bound in bounds], color="black", linewidth=0.6, linestyle=":")
    axes.set(xscale="log", yscale="log", xlabel="measured, MiB", ylabel="estimated, MiB", xlim=bounds, ylim=bounds)
    axes.legend(frameon=False)
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
    pyplot.close(figure)
    return file.getvalue()


if __name__ == "__main__":
    main()
