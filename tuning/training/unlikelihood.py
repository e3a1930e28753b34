"""Unlikelihood training (Welleck et al. 2020, arXiv 1908.04319): a model unlearns what its own answers repeat.

A small model that takes the likeliest token falls into loops, which stand in no row, so that no row teaches it to leave
them. So some rows are kept back from training, and the trained model answers their requests. In answers that loop, each
token that repeats what stands before it gets the loss -log(1 - p). The rows themselves are learnt beside them.
"""

import math
import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, concatenate_datasets
from trl import SFTConfig, SFTTrainer

from tuning.config.params import Params
from tuning.core.errors import doing
from tuning.generation import kept_answers
from tuning.model.chat_template import prompt_tokens, row_tokens
from tuning.model.processes import rank, world_size
from tuning.training import out_of_memory
from tuning.training.first_training import First
from tuning.training.fitting import Fitted, Rows, Subject, fit
from tuning.training.repetition import loops, repeats
from tuning.training.second_settings import of_length, second
from tuning.training.trainer import mean_loss, validation_loss

IGNORED = -100
UNLEARNT = -101  # the label of a token to be unlearnt is this less its id
SHARDED = ("ACCELERATE_USE_FSDP", "ACCELERATE_USE_DEEPSPEED")  # as accelerate's launcher sets them
SURE = -1e-4  # greatest log-probability that is looked at: beyond it, 1 - p is lost in rounding


class UnlikelihoodTrainer(SFTTrainer):
    """SFTTrainer whose loss is the mean over all tokens with labels of -log p, or -log(1 - p) where it is unlearnt."""

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs["labels"]
        unlearnt = labels < IGNORED
        labels = torch.where(unlearnt, UNLEARNT - labels, labels)
        outputs = model(**{**inputs, "labels": labels}, fused_lm_head=True)
        unlearnt = unlearnt[:, 1:]
        found = outputs.log_probs[:, -unlearnt.shape[1] :]  # prompt tuning puts its tokens before the row's
        against = torch.log(-torch.expm1(found.clamp(max=SURE)))
        losses = -torch.where(unlearnt, against, found)
        count = (labels[:, 1:] != IGNORED).sum() if num_items_in_batch is None else torch.as_tensor(num_items_in_batch)
        loss = losses.sum() / count.to(losses.device).clamp(min=1)
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss


def looping_answers(
    subject: Subject, config: SFTConfig, rows: list[dict[str, Any]], limit: int
) -> list[dict[str, list[int]]]:
    """The trained model's answers that loop, each with its request as an encoded row.

    Args:
        rows: whose requests are answered, but for those that leave no room for an answer.
        limit: tokens of a row at the most, as many as memory and the model's positions are known to suffice for.
    """
    folder = Path(config.output_dir)
    tokenizer, new_tokens = subject.tokenizer, subject.params.unlikelihood.answer_tokens
    asked = [(row, prompt_tokens(tokenizer, row["prompt"])) for row in rows]
    rows = [row for row, prompt in asked if len(prompt) < limit]
    ids = [prompt for _, prompt in asked if len(prompt) < limit]
    folder.mkdir(exist_ok=True)
    kept = kept_answers.finished(folder, "own-answers")
    if len(kept.rows) < len(rows):
        model = subject.load(config)
        with doing(f"answering requests with the trained {subject.params.model}; finished answers are kept"):
            kept_answers.answer(model, tokenizer, ids, kept, new_tokens, subject.params.seed, "own answers")
        del model
        out_of_memory.free()
    found = []
    for row, answer in zip(rows, kept.collect(list(range(len(rows)))), strict=True):
        tokens = row_tokens(tokenizer, row["prompt"], [{"role": "assistant", "content": answer["response"]}])
        if loops(tokens.completion):
            pairs = zip(tokens.completion, repeats(tokens.completion), strict=True)
            labels = [UNLEARNT - id if again else IGNORED for id, again in pairs]
            whole, labels = tokens.prompt + tokens.completion, [IGNORED] * len(tokens.prompt) + labels
            if any(label != IGNORED for label in labels[1:limit]):
                found.append({"input_ids": whole[:limit], "labels": labels[:limit]})
    return found


def divided(rows: list[Any], params: Params, read: int) -> tuple[list[Any], list[Any]]:
    """The rows of the first training, and those of this one: ``unlikelihood.answers``, but at most a third of all.

    Under FSDP and ZeRO, where no process has the whole model to answer with, the second part is empty.

    Args:
        read: rows that the first training would read, each time counted; this one has at most half as many.
    """
    count = min(params.unlikelihood.answers, len(rows) // 3, read // 2)
    if count and (sharded := [name for name in SHARDED if os.environ.get(name) == "true"]):
        count = 0
        if rank() == 0:
            print(f"train: repetitions are not unlearnt, since no process has the whole model ({sharded[0]})")
    chosen = set(random.Random(params.seed).sample(range(len(rows)), count))
    first = [row for index, row in enumerate(rows) if index not in chosen]
    return first, [rows[index] for index in sorted(chosen)]


def unlearn(
    subject: Subject, config: SFTConfig, first: First, rows: list[dict[str, Any]], encoded: Rows
) -> tuple[Fitted, dict[str, Any], dict[str, Any]]:
    """Trains on the rows that were kept back, after the trained model has answered them.

    Args:
        config: of the first training.
        rows: as prepare writes them.
        encoded: the same, and the rows to validate on.

    Returns:
        the training, and what is told and measured of both trainings together.
    """
    subject = replace(subject, weights=first.weights)
    config = second(config, first, subject.params.unlikelihood.learning_rate)
    longest = min(max(map(len, encoded.train["input_ids"])), config.max_length or sys.maxsize)
    looping = looping_answers(subject, config, rows, longest)
    if rank() == 0:
        print(f"train: {len(looping)} of {len(rows)} own answers loop; their repetitions are unlearnt", flush=True)
    learnt = encoded.train
    if looping:
        learnt = concatenate_datasets([learnt, Dataset.from_list(looping, features=learnt.features)])
    batches = math.ceil(len(learnt) / (config.per_device_train_batch_size * world_size()))
    config = of_length(config, first.metrics["steps"], math.ceil(batches / config.gradient_accumulation_steps))
    parts = Rows(learnt, encoded.validation)
    fitted = fit(subject, config, parts, first.log, UnlikelihoodTrainer, "unlikelihood.learning_rate")
    return fitted, told(fitted, first.metrics, len(rows), len(looping)), measured(fitted, first)


def told(fitted: Fitted, first: dict[str, Any], answers: int, looping: int) -> dict[str, Any]:
    """The metrics of both trainings; steps and tokens are sums, and the second's losses stand apart.

    Args:
        first: metrics of the first.
    """
    state = fitted.trainer.state
    own = {"steps": state.global_step, "tokens": int(state.num_input_tokens_seen)}
    result = first | {name: first[name] + count for name, count in own.items()}
    if "validation_loss" in first:
        result["validation_loss"] = validation_loss(fitted.trainer)
        own["validation_loss_before"] = first["validation_loss"]
    about = {"answers": answers, "looping": looping, "train_loss": mean_loss(fitted.trainer)}
    return result | {"unlikelihood": about | own}


def measured(fitted: Fitted, first: First) -> dict[str, Any]:
    """What was measured of both trainings; the peak memory is the first's, which the estimate is of."""
    both = first.measured, fitted.measured
    seconds = sum(each["seconds"] for each in both)
    tokens = sum(each["seconds"] * each["tokens_per_second"] for each in both)
    joules = {"energy_joules": round(sum(each.get("energy_joules", 0) for each in both), 1)}
    return {
        **first.measured,
        "seconds": round(seconds, 3),
        "tokens_per_second": round(tokens / seconds, 3),
        **(joules if "energy_joules" in first.measured else {}),
        "unlikelihood": fitted.measured,
    }
