"""Training speed: this project beside TRL's plain SFTTrainer and the common naive way, on the same rows.

    python bench/train_speed.py [--rows 48] [--batch 8]

- ours: the stage's own trainer: completion-only loss, rows grouped by length, padded to the batch's longest;
- plain: ``trl.SFTTrainer`` with its defaults, at the same batch size, given the same conversations;
- naive: every row padded to ``max_length``, loss on every token that is not padding.

All train the same LoRA on the embedded model, one epoch over the same rows. What is counted is tokens
that are not padding, a second, from the first step to the last.
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

from stages import train as stage
from tuning.config import params
from tuning.core.allocator import keep_freed_memory
from tuning.data import schemas
from tuning.model import adapters, base_model, chat_template


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
    values = params.load(ROOT / "params.yaml")
    values["model"] = str(ROOT / values["model"])
    values["train"].update(per_device_train_batch_size=batch, logging_steps=1000, save_strategy="no")
    values["train"].update(eval_strategy="no", eval_on_start=False)
    conversations = [conversation for _, conversation in schemas.read(str(ROOT / values["dataset"]))]
    spread = conversations[:: max(1, len(conversations) // count)][:count]
    return run(make, values, [{"prompt": row.prompt, "completion": row.completion} for row in spread])


def run(make, values: dict, rows: list[dict]) -> tuple[int, float]:
    """Tokens that are not padding, and seconds, of one epoch."""
    tokenizer = chat_template.load_tokenizer(values)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = make(values, rows, tokenizer, folder)
        trainer.add_callback(clock)
        trainer.train()
    return int(trainer.state.num_input_tokens_seen), clock.seconds


def ours(values: dict, rows: list[dict], tokenizer, folder: str):
    model = adapters.add_adapter(base_model.load_model(values), values)
    return stage.make_trainer(model, tokenizer, stage.encode(rows, tokenizer), [], values, Path(folder))


def plain(values: dict, rows: list[dict], tokenizer, folder: str):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=base_model.load_model(values),
        args=SFTConfig(folder, **common(values)),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(rows),
        peft_config=adapters.lora_config(values),
    )


def naive(values: dict, rows: list[dict], tokenizer, folder: str):
    from datasets import Dataset
    from transformers import Trainer, TrainingArguments, default_data_collator

    length = values["train"]["max_length"]
    padded = []
    for row in rows:
        tokens = chat_template.row_tokens(tokenizer, row["prompt"], row["completion"])
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
        model=adapters.add_adapter(base_model.load_model(values), values),
        args=TrainingArguments(folder, **common(values)),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(padded),
        data_collator=default_data_collator,
    )


def common(values: dict) -> dict:
    """What all three share: one epoch, the batch size, full precision, and no extras."""
    return {
        "num_train_epochs": 1,
        "per_device_train_batch_size": values["train"]["per_device_train_batch_size"],
        "learning_rate": values["train"]["learning_rate"],
        "include_num_input_tokens_seen": "non_padding",
        "use_cpu": base_model.device() == "cpu",
        "bf16": False,
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1000,
        "dataloader_pin_memory": False,
    }


WAYS = {"ours": ours, "plain TRL": plain, "naive": naive}

if __name__ == "__main__":
    main()
