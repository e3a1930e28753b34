"""Training speed: this project beside TRL's plain SFTTrainer and the common naive way, on the same rows.

    python bench/train_speed.py [--rows 64] [--batch 8]

- ours: the stage's own trainer: completion-only loss, rows grouped by length, padded to the batch's longest;
- plain: ``trl.SFTTrainer`` with its defaults, at the same batch size, given the same conversations;
- naive: every row padded to ``max_length``, loss on every token that is not padding.

All train the same LoRA on the embedded model, one epoch over the same rows. What is counted is tokens
that are not padding, a second, from the first step to the last.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from transformers import TrainerCallback  # noqa: E402

from stages import train as stage  # noqa: E402
from stages.lib import adapters, chat, datasets, models, params  # noqa: E402


class Clock(TrainerCallback):
    """Seconds from the first step's beginning to the last step's end."""

    def on_train_begin(self, *args, **kwargs):
        self.started = time.perf_counter()

    def on_train_end(self, *args, **kwargs):
        self.seconds = time.perf_counter() - self.started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8)
    arguments = parser.parse_args()
    values = params.load(ROOT / "params.yaml")
    values["model"] = str(ROOT / values["model"])
    values["train"].update(per_device_train_batch_size=arguments.batch, logging_steps=1000, save_strategy="no")
    values["train"].update(eval_strategy="no", eval_on_start=False)
    read = datasets.read(str(ROOT / values["dataset"]))
    conversations = [conversation for _, conversation in read][:: max(1, 423 // arguments.rows)][: arguments.rows]
    rows = [{"prompt": conversation.prompt, "completion": conversation.completion} for conversation in conversations]

    results = {name: run(make, values, rows) for name, make in (("ours", ours), ("plain TRL", plain), ("naive", naive))}
    print("\n| way | tokens per second | seconds | ours is |\n| --- | --- | --- | --- |")
    for name, (tokens, seconds) in results.items():
        ratio = results["ours"][0] / results["ours"][1] / (tokens / seconds)
        print(f"| {name} | {tokens / seconds:.0f} | {seconds:.0f} | {ratio:.2f} times as fast |")


def run(make, values: dict, rows: list[dict]) -> tuple[int, float]:
    """Tokens that are not padding, and seconds, of one epoch."""
    tokenizer = chat.load_tokenizer(values)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = make(values, rows, tokenizer, folder)
        trainer.add_callback(clock)
        trainer.train()
    return int(trainer.state.num_input_tokens_seen), clock.seconds


def ours(values: dict, rows: list[dict], tokenizer, folder: str):
    model = adapters.add_adapter(models.load_model(values), values)
    return stage.make_trainer(model, tokenizer, stage.encode(rows, tokenizer), [], values, Path(folder))


def plain(values: dict, rows: list[dict], tokenizer, folder: str):
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    return SFTTrainer(
        model=models.load_model(values),
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
        tokens = chat.row_tokens(tokenizer, row["prompt"], row["completion"])
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
        model=adapters.add_adapter(models.load_model(values), values),
        args=TrainingArguments(folder, **common(values)),
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(padded),
        data_collator=default_data_collator,
    )


def common(values: dict) -> dict:
    """What all three share: one epoch, the batch size, and no extras."""
    return {
        "num_train_epochs": 1,
        "per_device_train_batch_size": values["train"]["per_device_train_batch_size"],
        "learning_rate": values["train"]["learning_rate"],
        "include_num_input_tokens_seen": "non_padding",
        "report_to": "none",
        "save_strategy": "no",
        "logging_steps": 1000,
        "dataloader_pin_memory": False,
    }


if __name__ == "__main__":
    main()
