"""Fine-tunes an adapter, or the whole model, on the prepared rows with TRL's SFTTrainer."""

import math
from pathlib import Path
from typing import Any

from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.core.allocator import give_back_freed_memory, keep_freed_memory
from tuning.core.errors import run
from tuning.core.files import new_folder, read_jsonl, write_json
from tuning.core.measurement import Measurement
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.memory.preflight import check_device, describe_training
from tuning.model.adapters import ADAPTER, add_adapter, parameter_counts, save_adapter
from tuning.model.base_model import device, load_model
from tuning.model.chat_template import load_tokenizer, row_tokens
from tuning.model.processes import launched

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
    from transformers import set_seed

    from tuning.training import checkpoints
    from tuning.training.curves import Curves

    check_device(params)
    rows, held_out = read_jsonl(TRAIN), read_jsonl(VALIDATION)
    tokenizer = load_tokenizer(params)
    train = encode(rows, tokenizer, params["train"].get("completion_only_loss") is False)
    validation = encode(held_out, tokenizer)
    keeps = describe_training(params, [len(row) for row in train["input_ids"]], strict).leaves_room()
    if keeps:
        keep_freed_memory()
    else:
        give_back_freed_memory()

    set_seed(params["seed"])  # here, so that what the preflight draws changes nothing
    model = add_adapter(load_model(params), params)
    folder = unfinished_work("train", declared("train", checkpoints.WITHOUT), TRAIN, VALIDATION)
    checkpoint = checkpoints.latest(folder)
    seen = checkpoints.tokens_seen(checkpoint)  # now, since newer checkpoints take the place of this one
    trainer = make_trainer(model, tokenizer, train, validation, params, folder)
    curves = Curves(folder)
    for callback in (curves, checkpoints.Checkpoints(trainer, checkpoint)):
        trainer.add_callback(callback)

    measurement = Measurement()
    trainer.train(resume_from_checkpoint=checkpoint)
    measured = measurement.result(tokens=int(trainer.state.num_input_tokens_seen) - seen)
    result = metrics(trainer, train["input_ids"])
    weights = gathered(trainer)
    if not trainer.is_world_process_zero():
        return
    with new_folder(ADAPTER) as new:
        save_adapter(trainer.accelerator.unwrap_model(trainer.model), new, params, weights)
        tokenizer.save_pretrained(new)
    curves.finish()
    write_json(METRICS, result)
    write_json(MEASURED, {**measured, "keeps_freed_memory": keeps})
    remove(folder)


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


def make_trainer(model, tokenizer, train, validation, params: dict[str, Any], folder: Path):
    """TRL's SFTTrainer, configured by the section ``train``."""
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


def metrics(trainer, rows: list[list[int]]) -> dict[str, Any]:
    """What metrics/train.json holds; losses are means over tokens, in nats, those of validation of completions only.

    Args:
        rows: token ids of each row to train on.
    """
    state, limit = trainer.state, trainer.args.max_length or math.inf
    result = {
        "train_loss": _logged(state, "loss")[-1],
        "steps": state.global_step,
        "epochs": state.epoch,
        "tokens": int(state.num_input_tokens_seen),
        "trainable_parameters": parameter_counts(trainer.model)[0],
        "longest_row_tokens": min(max(map(len, rows)), limit),
        "rows_truncated": sum(len(row) > limit for row in rows),
    }
    if trainer.eval_dataset is not None:
        if not _logged(state, "eval_loss", state.global_step):
            trainer.evaluate()
        result["validation_loss"] = _logged(state, "eval_loss")[-1]
        if before := _logged(state, "eval_loss", 0):  # train.eval_on_start
            result["validation_loss_before"] = before[0]
    return result


def _logged(state, name: str, step: int | None = None) -> list[float]:
    """What the trainer has logged under a name, at one step or at all."""
    return [entry[name] for entry in state.log_history if name in entry and step in (None, entry["step"])]


if __name__ == "__main__":
    run(main)
