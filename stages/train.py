"""Fine-tunes an adapter, or the whole model, on the prepared rows with TRL's SFTTrainer."""

import math
from pathlib import Path
from statistics import fmean
from typing import Any

from stages.lib import shares
from stages.lib.adapters import ADAPTER, add_adapter, parameter_counts, save_adapter
from stages.lib.allocator import give_back_freed_memory, keep_freed_memory
from stages.lib.chat import load_tokenizer, row_tokens
from stages.lib.errors import run
from stages.lib.files import fingerprint, new_folder, read_jsonl, write_json
from stages.lib.launch import launched
from stages.lib.measurement import Measurement
from stages.lib.models import device, load_model
from stages.lib.params import read_params
from stages.lib.preflight import check_device, describe_training

TRAIN, VALIDATION = Path("data/prepared/train.jsonl"), Path("data/prepared/validation.jsonl")
METRICS, MEASURED = Path("metrics/train.json"), Path("metrics/measured/train.json")
# oneDNN, which multiplies bfloat16 on CPUs, keeps code for each size of matrix that it has met, half a MiB and more a
# size, without limit: with batches of every length, 4 GiB in 800 steps of the starter model. With lengths of a
# multiple there are few sizes.
CPU_MULTIPLE = 8


def main() -> None:
    params = read_params(
        "model",
        "tokenizer",
        "seed",
        "launch",
        "full_finetuning",
        "model_config",
        "tokenizer_config",
        "quantization",
        "lora",
        "prompt_tuning",
        "train",
    )
    strict = read_params("resources.strict")["resources.strict"]
    if launched(params["launch"], "stages.train"):
        return
    from stages.lib import checkpoints
    from stages.lib.curves import Curves

    check_device(params)
    rows, held_out = read_jsonl(TRAIN), read_jsonl(VALIDATION)
    tokenizer = load_tokenizer(params)
    whole = params["train"].get("completion_only_loss") is False
    parts = [encode(share, tokenizer, whole) for share in shares.divide(rows, params)]
    validation = encode(held_out, tokenizer)
    plan = describe_training(params, [len(row) for part in parts for row in part["input_ids"]], strict)
    if keeps := plan.leaves_room():
        keep_freed_memory()
    else:
        give_back_freed_memory()

    folder, curves, results = checkpoints.CHECKPOINTS / fingerprint(params, TRAIN, VALIDATION), Curves(), []
    *before, last = shares.folders(folder, len(parts))
    for part, own in zip(parts[:-1], before, strict=True):
        results.append(train_share(part, validation, tokenizer, params, own, curves, plan))
    trainer, result = fit(parts[-1], validation, tokenizer, params, last, curves, plan)
    results.append(result)
    if before:
        shares.join(trainer, [*before, last], params)
    final = metrics(trainer, parts, results)
    weights = gathered(trainer)
    if not trainer.is_world_process_zero():
        return
    curves.finish()
    with new_folder(ADAPTER) as new:
        save_adapter(trainer.accelerator.unwrap_model(trainer.model), new, params, weights)
        tokenizer.save_pretrained(new)
    write_json(METRICS, final)
    write_json(MEASURED, {**shares.measured(results), "keeps_freed_memory": keeps})
    checkpoints.finish(folder)


def train_share(train, validation, tokenizer, params: dict[str, Any], folder: Path, curves, plan) -> dict[str, Any]:
    """Trains on one share of several, if no earlier process has, and keeps its adapter in the share's folder."""
    result = shares.result(folder)
    if result is None:
        trainer, result = fit(train, validation, tokenizer, params, folder, curves, plan)
        shares.keep(trainer, folder, params, result)
        del trainer
        shares.free_memory()
    else:
        curves.replay(result["history"])
    curves.finish_share(result)
    return result


def fit(train, validation, tokenizer, params: dict[str, Any], folder: Path, curves, plan) -> tuple[Any, dict[str, Any]]:
    """Trains one adapter, or the whole model, from the folder's newest checkpoint on.

    Returns:
        the trainer, and what the stage tells of the training.
    """
    from transformers import set_seed

    from stages.lib import checkpoints
    from stages.lib.duration import Duration

    set_seed(params["seed"])  # here, so that what the preflight draws changes nothing
    model = add_adapter(load_model(params), params)
    checkpoint = checkpoints.latest(folder)
    seen = checkpoints.tokens_seen(checkpoint)  # now, since newer checkpoints take the place of this one
    first = curves.steps == 0
    trainer = make_trainer(model, tokenizer, train, validation, params, folder, first)
    shares.check_whole(trainer, params)
    for callback in (curves, Duration(plan.tokens - curves.tokens), checkpoints.Trained(checkpoint)):
        trainer.add_callback(callback)

    measurement = Measurement()
    trainer.train(resume_from_checkpoint=checkpoint)
    state = trainer.state
    return trainer, {
        "history": state.log_history,
        "steps": state.global_step,
        "epochs": state.epoch,
        "tokens": int(state.num_input_tokens_seen),
        "trainable_parameters": parameter_counts(trainer.model)[0],
        "measured": measurement.result(tokens=int(state.num_input_tokens_seen) - seen),
    }


def encode(rows: list[dict[str, Any]], tokenizer, whole: bool = False):
    """The rows as token ids with labels, in which the prompt is masked, unless ``whole`` rows are to be learnt."""
    from datasets import Dataset

    encoded = []
    for row in rows:
        tokens = row_tokens(tokenizer, row["prompt"], row["completion"])
        masked = tokens.prompt if whole else [-100] * len(tokens.prompt)
        labels = masked + tokens.completion
        encoded.append({"input_ids": tokens.prompt + tokens.completion, "labels": labels})
    return Dataset.from_list(encoded)


def make_trainer(model, tokenizer, train, validation, params: dict[str, Any], folder: Path, first=True):
    """TRL's SFTTrainer, configured by the section ``train``; ``first``: of the shares of the rows."""
    from trl import SFTConfig, SFTTrainer

    options = {
        "dataloader_pin_memory": device() == "cuda",
        "use_cpu": device() == "cpu",
        "ddp_find_unused_parameters": False,
        **params["train"],
    }
    half = options.get("bf16") or any(parameter.dtype.itemsize == 2 for parameter in model.parameters())
    if device() == "cpu" and half:
        options.setdefault("pad_to_multiple_of", CPU_MULTIPLE)
    if not len(validation):
        options.update(eval_strategy="no", eval_on_start=False)
    elif not first:
        options.update(eval_on_start=False)  # the base model's loss is known
    config = SFTConfig(
        output_dir=str(folder),
        seed=params["seed"],
        report_to="none",
        include_num_input_tokens_seen="non_padding",
        **options,
    )
    return SFTTrainer(
        model=model,
        args=config,
        processing_class=tokenizer,
        train_dataset=train,
        eval_dataset=validation if len(validation) else None,
    )


def gathered(trainer) -> dict[str, Any] | None:
    """All weights, where FSDP or ZeRO has divided them among processes; None where each process has them."""
    if not (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        return None
    return trainer.accelerator.get_state_dict(trainer.deepspeed or trainer.model)


def metrics(trainer, parts: list, results: list[dict[str, Any]]) -> dict[str, Any]:
    """What metrics/train.json holds; losses are means over tokens, in nats, those of validation of completions only.

    Args:
        trainer: that of the last share, whose model is the mean of all.
        parts: the rows to train on, by share.
        results: what ``fit`` tells, by share.
    """
    lengths, limit = [len(row) for part in parts for row in part["input_ids"]], trainer.args.max_length or math.inf
    result = {
        "train_loss": fmean([each["loss"] for each in share["history"] if "loss" in each][-1] for share in results),
        "steps": sum(share["steps"] for share in results),
        "epochs": results[-1]["epochs"],
        "tokens": sum(share["tokens"] for share in results),
        "trainable_parameters": results[-1]["trainable_parameters"],
        "longest_row_tokens": min(max(lengths), limit),
        "rows_truncated": sum(length > limit for length in lengths),
    }
    if trainer.eval_dataset is not None:
        history, step = trainer.state.log_history, trainer.state.global_step
        if len(parts) > 1 or not any("eval_loss" in entry and entry["step"] == step for entry in history):
            trainer.evaluate()
        result["validation_loss"] = [entry["eval_loss"] for entry in history if "eval_loss" in entry][-1]
        before = [each["eval_loss"] for each in results[0]["history"] if "eval_loss" in each and each["step"] == 0]
        if before:  # train.eval_on_start
            result["validation_loss_before"] = before[0]
    return result


if __name__ == "__main__":
    run(main)
