"""Training speed: this project beside TRL's plain SFTTrainer and the common naive way, on the same rows.

    python bench/train_speed.py [--rows 48] [--batch 8] [--bf16] [--grow]

- ours: the stage's own trainer: completion-only loss, rows grouped by length, padded to the batch's longest;
- plain: ``trl.SFTTrainer`` with its defaults, at the same batch size, given the same conversations;
- naive: every row padded to ``max_length``, loss on every token that is not padding.

All train the same LoRA for one epoch over the same rows. The speed is tokens per second without padding, from the first
step to the last. The last column is the arithmetic of training (``tuning.memory.flops``) as a share of what a product
of two matrices of 2,048 reaches in the same dtype. ``--grow`` compares ours and plain on rows of 60, 250 and 1,000
tokens, with the embedded model and with one of a billion random weights.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch
from transformers import TrainerCallback

from tuning.config.params import Params, checked
from tuning.config.yaml_file import load
from tuning.core.allocator import keep_freed_memory
from tuning.data import conversations
from tuning.memory.estimator import Estimator
from tuning.memory.flops import matrix_rate, training_flops
from tuning.memory.run import Run
from tuning.model.adapters import adapter_spec, add_adapter
from tuning.model.base_model import load_model
from tuning.model.chat_template import load_tokenizer, row_tokens
from tuning.model.device import device
from tuning.model.model_spec import model_spec
from tuning.training.trainer import encode, make_trainer, training_config

BILLION = {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "head_dim": 64}
BILLION |= {"num_attention_heads": 32, "num_key_value_heads": 8}
GROWTH = [("135M", 60), ("135M", 250), ("135M", 1000), ("1B", 60), ("1B", 250), ("1B", 1000)]
TOKENS = 6000  # of each comparison with rows of one length, with the embedded model; a fifth of them with the other


class Clock(TrainerCallback):
    """Seconds and tokens from the end of the first step, which warms up, to that of the last."""

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 1:
            self.started, self.before = time.perf_counter(), state.num_input_tokens_seen

    def on_train_end(self, args, state, control, **kwargs):
        self.seconds = time.perf_counter() - self.started
        self.tokens = int(state.num_input_tokens_seen - self.before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--bf16", action="store_true", help="train in bfloat16, all ways")
    parser.add_argument("--grow", action="store_true", help="rows of several lengths, and a model of a billion weights")
    parser.add_argument("--only", choices=WAYS, help="measure one way in this process, and print what it found")
    parser.add_argument("--size", choices=("135M", "1B"), default="135M")
    parser.add_argument("--tokens", type=int, help="of each row, instead of the starter rows as they are")
    arguments = parser.parse_args()
    if arguments.only:
        print("\n" + json.dumps(measure(arguments)))
    elif arguments.grow:
        print("\n| weights | tokens of a row | ours | plain TRL | ours is | of the matrix product rate |")
        print("| --- | --- | --- | --- | --- | --- |")
        for size, tokens in GROWTH:
            batch = 4 if tokens < 1000 else 1
            given = ["--size", size, "--tokens", str(tokens), "--batch", str(batch)]
            rows = max(3 * batch, TOKENS // (1 if size == "135M" else 5) // tokens)
            found = {way: alone(way, arguments, [*given, "--rows", str(rows)]) for way in ("ours", "plain TRL")}
            ours, plain = (each["tokens"] / each["seconds"] for each in found.values())
            share = f"{found['ours']['share']:.0%}"
            print(f"| {size} | {tokens:,} | {ours:.1f} | {plain:.1f} | {ours / plain:.2f} times as fast | {share} |")
    else:
        found = {
            way: alone(way, arguments, ["--rows", str(arguments.rows), "--batch", str(arguments.batch)]) for way in WAYS
        }
        rates = {way: each["tokens"] / each["seconds"] for way, each in found.items()}
        print("\n| way | tokens per second | seconds | ours is | of the matrix product rate |")
        print("| --- | --- | --- | --- | --- |")
        for way, rate in rates.items():
            ratio, share = rates["ours"] / rate, found[way]["share"]
            print(f"| {way} | {rate:.0f} | {found[way]['seconds']:.0f} | {ratio:.2f} times as fast | {share:.0%} |")


def alone(way: str, arguments: argparse.Namespace, given: list[str]) -> dict[str, float]:
    """What one way finds in a process of its own."""
    command = [sys.executable, __file__, *given, *(["--bf16"] if arguments.bf16 else []), "--only", way]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(arguments: argparse.Namespace) -> dict[str, float]:
    """Tokens that are not padding, seconds, and the share of the matrix product rate, of one epoch."""
    if arguments.only == "ours":
        keep_freed_memory()  # as the stage does
    values = load(ROOT / "params.yaml")
    values["model"] = str(ROOT / values["model"])
    values["train"].update(per_device_train_batch_size=arguments.batch, gradient_accumulation_steps=1)
    values["train"].update(gradient_checkpointing=False, bf16=arguments.bf16, logging_steps=1000, save_strategy="no")
    values["train"].update(eval_strategy="no", eval_on_start=False, learning_rate=1e-3, max_length=1024)
    params = checked(values)
    tokenizer, spec, clock = load_tokenizer(params), sized(params, arguments.size), Clock()
    rows = chosen(values, tokenizer, arguments)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(spec, adapter_spec(params), training_config(params, spec, adapter_spec(params), Path(folder), False))
        trainer = WAYS[arguments.only](run, rows, tokenizer)
        trainer.add_callback(clock)
        trainer.train()
    mean = sum(len(ids(row, tokenizer)) for row in rows) / len(rows)
    rate = training_flops(Estimator(run), clock.tokens, mean) / clock.seconds
    share = rate / matrix_rate(torch.bfloat16 if arguments.bf16 else torch.float32)
    return {"tokens": clock.tokens, "seconds": clock.seconds, "share": share}


def sized(params: Params, size: str):
    """The embedded model, or one of its kind with a billion weights."""
    spec = model_spec(params)
    for name, value in BILLION.items() if size == "1B" else ():
        setattr(spec.config, name, value)
    return spec


def chosen(values: dict, tokenizer, arguments: argparse.Namespace) -> list[dict]:
    """Rows spread over the starter data; or as many of a given length, a third of it the prompt."""
    found = [conversation for _, conversation in conversations.read(str(ROOT / values["dataset"]))]
    if not arguments.tokens:
        spread = found[:: max(1, len(found) // arguments.rows)][: arguments.rows]
        return [{"prompt": row.prompt, "completion": row.completion} for row in spread]
    text = tokenizer(" ".join(row.completion[0]["content"] for row in found), add_special_tokens=False)["input_ids"]
    own = len(ids({"prompt": message("user", ""), "completion": message("assistant", "")}, tokenizer))
    length, prompt, rows = arguments.tokens - own, (arguments.tokens - own) // 3, []
    for start in (number * 61 % (len(text) - length) for number in range(arguments.rows)):
        cut = text[start : start + length]
        said = tokenizer.decode(cut[:prompt]), tokenizer.decode(cut[prompt:])
        rows.append({"prompt": message("user", said[0]), "completion": message("assistant", said[1])})
    return rows


def message(role: str, content: str) -> list[dict]:
    return [{"role": role, "content": content}]


def ids(row: dict, tokenizer) -> list[int]:
    tokens = row_tokens(tokenizer, row["prompt"], row["completion"])
    return tokens.prompt + tokens.completion


def base(spec):
    """The model; one that is no checkpoint's has random weights."""
    from transformers import AutoModelForCausalLM

    if spec.config.hidden_size != BILLION["hidden_size"]:
        return load_model(spec)
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(spec.config, dtype=spec.dtype)


def adapted(run: Run):
    """The model with a new adapter."""
    return add_adapter(base(run.model), run.model, run.adapter, checkpointing=False)


def ours(run: Run, rows: list[dict], tokenizer):
    return make_trainer(adapted(run), tokenizer, run.training, encode(rows, tokenizer), [])


def plain(run: Run, rows: list[dict], tokenizer):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=base(run.model),
        args=SFTConfig(run.training.output_dir, **common(run)),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(rows),
        peft_config=run.adapter.lora,
    )


def naive(run: Run, rows: list[dict], tokenizer):
    from datasets import Dataset
    from transformers import Trainer, TrainingArguments, default_data_collator

    length, padded = 512, []
    for row in rows:
        found = ids(row, tokenizer)[:length]
        gap = length - len(found)
        padded.append(
            {
                "input_ids": found + [tokenizer.pad_token_id] * gap,
                "attention_mask": [1] * len(found) + [0] * gap,
                "labels": found + [-100] * gap,
            }
        )
    model = add_adapter(base(run.model), run.model, run.adapter, checkpointing=False)
    return Trainer(
        model=model,
        args=TrainingArguments(run.training.output_dir, **common(run)),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(padded),
        data_collator=default_data_collator,
    )


def common(run: Run) -> dict:
    """What all three share: one epoch, the batch size, the precision, and no extras."""
    return {
        "num_train_epochs": 1,
        "per_device_train_batch_size": run.training.per_device_train_batch_size,
        "learning_rate": run.training.learning_rate,
        "include_num_input_tokens_seen": "non_padding",
        "use_cpu": device() == "cpu",
        "bf16": run.training.bf16,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1000,
        "dataloader_pin_memory": False,
    }


WAYS = {"ours": ours, "plain TRL": plain, "naive": naive}

if __name__ == "__main__":
    main()
