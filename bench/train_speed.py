"""Training speed: this project beside TRL's plain SFTTrainer and the common naive way, on the same rows.

    python bench/train_speed.py [--rows 48] [--batch 8]

- ours: the stage's own trainer: completion-only loss, rows grouped by length, padded to the batch's longest;
- plain: ``trl.SFTTrainer`` with its defaults, at the same batch size, given the same conversations;
- naive: every row padded to ``max_length``, loss on every token that is not padding.

All train the same LoRA on the embedded model for one epoch over the same rows. The speed is tokens per second without
padding, from the first step to the last.
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

from transformers import TrainerCallback

from tuning.config.params import Params, checked
from tuning.config.yaml_file import load
from tuning.core.allocator import keep_freed_memory
from tuning.data import schemas
from tuning.model.adapters import adapter_spec, add_adapter
from tuning.model.base_model import load_model
from tuning.model.chat_template import load_tokenizer, row_tokens
from tuning.model.device import device
from tuning.model.model_spec import model_spec
from tuning.training.trainer import encode, make_trainer, training_config


class Clock(TrainerCallback):
    """Seconds from the first step's beginning to the last step's end."""

    def on_train_begin(self, *args, **kwargs):
        self.started = time.perf_counter()

    def on_train_end(self, *args, **kwargs):
        self.seconds = time.perf_counter() - self.started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=48)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--only", choices=WAYS, help="measure one way in this process, and print tokens and seconds")
    arguments = parser.parse_args()
    if arguments.only:
        print("\n" + json.dumps(measure(WAYS[arguments.only], arguments.rows, arguments.batch)))
        return
    results = {}
    for name in WAYS:  # each in a fresh process
        command = [
            sys.executable,
            __file__,
            "--rows",
            str(arguments.rows),
            "--batch",
            str(arguments.batch),
            "--only",
            name,
        ]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results[name] = json.loads(done.stdout.splitlines()[-1])
    print("\n| way | tokens per second | seconds | ours is |\n| --- | --- | --- | --- |")
    for name, (tokens, seconds) in results.items():
        ratio = results["ours"][0] / results["ours"][1] / (tokens / seconds)
        print(f"| {name} | {tokens / seconds:.0f} | {seconds:.0f} | {ratio:.2f} times as fast |")


def measure(make, count: int, batch: int) -> tuple[int, float]:
    """Tokens that are not padding, and seconds, of one epoch over some rows of the starter data."""
    if make is ours:
        keep_freed_memory()  # as the stage does
    values = load(ROOT / "params.yaml")
    values["model"] = str(ROOT / values["model"])
    values["train"].update(per_device_train_batch_size=batch, gradient_accumulation_steps=1, learning_rate=2e-3)
    values["train"].update(gradient_checkpointing=False, bf16=False, logging_steps=1000, save_strategy="no")
    values["train"].update(eval_strategy="no", eval_on_start=False)
    conversations = [conversation for _, conversation in schemas.read(str(ROOT / values["dataset"]))]
    spread = conversations[:: max(1, len(conversations) // count)][:count]
    return run(make, checked(values), [{"prompt": row.prompt, "completion": row.completion} for row in spread])


def run(make, params: Params, rows: list[dict]) -> tuple[int, float]:
    """Tokens that are not padding, and seconds, of one epoch."""
    tokenizer = load_tokenizer(params)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = make(params, rows, tokenizer, folder)
        trainer.add_callback(clock)
        trainer.train()
    return int(trainer.state.num_input_tokens_seen), clock.seconds


def adapted(params: Params):
    """The model with a new adapter."""
    spec = model_spec(params)
    return add_adapter(load_model(spec), spec, adapter_spec(params), checkpointing=False)


def ours(params: Params, rows: list[dict], tokenizer, folder: str):
    config = training_config(params, model_spec(params), adapter_spec(params), Path(folder), validates=False)
    return make_trainer(adapted(params), tokenizer, config, encode(rows, tokenizer), [])


def plain(params: Params, rows: list[dict], tokenizer, folder: str):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=load_model(model_spec(params)),
        args=SFTConfig(folder, **common(params)),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(rows),
        peft_config=adapter_spec(params).lora,
    )


def naive(params: Params, rows: list[dict], tokenizer, folder: str):
    from datasets import Dataset
    from transformers import Trainer, TrainingArguments, default_data_collator

    length = params.train.arguments["max_length"]
    padded = []
    for row in rows:
        tokens = row_tokens(tokenizer, row["prompt"], row["completion"])
        ids = (tokens.prompt + tokens.completion)[:length]
        gap = length - len(ids)
        padded.append(
            {
                "input_ids": ids + [tokenizer.pad_token_id] * gap,
                "attention_mask": [1] * len(ids) + [0] * gap,
                "labels": ids + [-100] * gap,
            }
        )
    return Trainer(
        model=adapted(params),
        args=TrainingArguments(folder, **common(params)),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(padded),
        data_collator=default_data_collator,
    )


def common(params: Params) -> dict:
    """What all three share: one epoch, the batch size, full precision, and no extras."""
    return {
        "num_train_epochs": 1,
        "per_device_train_batch_size": params.train.arguments["per_device_train_batch_size"],
        "learning_rate": params.train.arguments["learning_rate"],
        "include_num_input_tokens_seen": "non_padding",
        "use_cpu": device() == "cpu",
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1000,
        "dataloader_pin_memory": False,
    }


WAYS = {"ours": ours, "plain TRL": plain, "naive": naive}

if __name__ == "__main__":
    main()
