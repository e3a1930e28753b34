"""One LoRA adapter from several: each is trained on its share of the rows, and their mean is kept.

The mean of models that were trained from the same start often does better than each of them, at the price of one
(Wortsman et al. 2022, "Model soups", arXiv 2203.05482). LoRA's update is a product of two matrices, and the mean of
products is no product of means: the adapters' matrices are put side by side, which gives the mean exactly, at a rank
of as many times ``lora.r``.
"""

import gc
from pathlib import Path
from typing import Any

from stages.lib.adapters import save_adapter
from stages.lib.errors import UserError
from stages.lib.files import new_folder, read_json, write_json

ADAPTER, RESULT = "adapter", "share.json"


def divide(rows: list, params: dict[str, Any]) -> list[list]:
    """The shares, ``lora.shares`` of them: variants of one row, which follow each other, go to different ones.

    Raises:
        UserError: there are too few rows.
    """
    number = params["lora"]["shares"]
    if len(rows) < number > 1:
        raise UserError(f"'lora.shares' is {number}, and there are {len(rows)} rows to train on: set it lower")
    return [rows[first::number] for first in range(number)]


def folders(folder: Path, number: int) -> list[Path]:
    """Where each share's checkpoints are kept, below the run's folder; of a single one, that itself."""
    return [folder / f"share-{share}" for share in range(1, number + 1)] if number > 1 else [folder]


def check_whole(trainer, params: dict[str, Any]) -> None:
    """Raises UserError where a mean is to be taken and the processes hold only parts of the model."""
    if params["lora"]["shares"] > 1 and (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        raise UserError("'lora.shares' above 1 needs the whole model in each process: not FSDP, not DeepSpeed")


def keep(trainer, folder: Path, params: dict[str, Any], result: dict[str, Any]) -> None:
    """Keeps a share's adapter, and what is to be told of its training, beside its checkpoints."""
    if trainer.is_world_process_zero():
        with new_folder(folder / ADAPTER) as new:
            save_adapter(trainer.accelerator.unwrap_model(trainer.model), new, params)
            write_json(new / RESULT, result)
    trainer.accelerator.wait_for_everyone()


def result(folder: Path) -> dict[str, Any] | None:
    """What ``keep`` was told, if the share is finished."""
    return read_json(folder / ADAPTER / RESULT) if (folder / ADAPTER).is_dir() else None


def join(trainer, folders: list[Path], params: dict[str, Any]) -> None:
    """Puts the mean of all shares' adapters in the place of the trainer's own, which is that of the last."""
    keep(trainer, folders[-1], params, {})
    model = trainer.accelerator.unwrap_model(trainer.model)
    names = [folder.name for folder in folders]
    for name, folder in zip(names, folders, strict=True):
        model.load_adapter(folder / ADAPTER, name)
        model.peft_config[name].use_rslora = False  # the mean's matrices carry the scale, however it was reckoned
    model.set_adapter(names[0])
    model.delete_adapter("default")
    model.base_model.add_weighted_adapter(names, [1 / len(names)] * len(names), "default", combination_type="cat")
    model.set_adapter("default")
    for name in names:
        model.delete_adapter(name)


def measured(results: list[dict[str, Any]]) -> dict[str, Any]:
    """What all shares took, one after the other; as of ``Measurement.result``."""
    parts = [result["measured"] for result in results]
    seconds = sum(part["seconds"] for part in parts)
    tokens = sum(part["seconds"] * part["tokens_per_second"] for part in parts)
    joules = [part["energy_joules"] for part in parts if "energy_joules" in part]
    return {
        "seconds": round(seconds, 3),
        "tokens_per_second": round(tokens / seconds, 3),
        "peak_memory_bytes": max(part["peak_memory_bytes"] for part in parts),
        **({"energy_joules": round(sum(joules), 1)} if len(joules) == len(parts) else {}),
    }


def free_memory() -> None:
    """Frees the model of a share that is finished, before the next one's is loaded."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
