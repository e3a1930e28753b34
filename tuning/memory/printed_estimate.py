"""The estimate of a run for people, before it starts: a table, what fits which GPU, and what to change."""

from typing import Any

from tuning.generation import kv_cache
from tuning.memory import remedies
from tuning.memory.estimator import Memory, Model
from tuning.model.base_model import device

MIB = 2**20


def show(params: dict[str, Any], on: str | None = None) -> str:
    """The whole estimate.

    Args:
        params: all sections.
        on: the kind of device to estimate for; None: the one that is here.

    Raises:
        UserError: the model's configuration cannot be had, or the adapter does not fit it.
    """
    train = params["train"]
    batch, length = train.get("per_device_train_batch_size", 8), train.get("max_length") or 1024
    on_gpu, model = Model(params, "cuda"), Model(params, on)
    if params["lora"]["enabled"] or params["prompt_tuning"]["enabled"]:
        on_gpu.trained = model.trained  # adapters are in float32 on every device
    training = model.training(batch, length)
    shown = [heading(model), "", *parts(model, training, batch, length), "", *fits(on_gpu, batch, length)]
    return "\n".join([*shown, *advice(model, batch, length, training)])


def heading(model: Model) -> str:
    """The model, its parameters, dtype and device."""
    parameters, trained = model.weights.parameters, model.trained.parameters
    return (
        f"{model.params['model']}: {parameters:,} parameters, {trained:,} trained ({trained / parameters:.2%}), "
        f"{str(model.dtype).removeprefix('torch.')} on {model.device}"
    )


def parts(model: Model, training: Memory, batch: int, length: int) -> list[str]:
    """What training and generation need, by part."""
    prompt, new_tokens = 256, model.params["generation"]["max_new_tokens"]
    at_once = model.params["generation"]["batch_size"]
    at_once = kv_cache.MOST[model.device] if at_once == "auto" else at_once
    return [
        f"{'MiB':<14}{'training':>14}{'generation':>14}",
        *table(training, model.generation(at_once, prompt, new_tokens)),
        f"training: {batch} rows of {length} tokens; generation: {at_once} prompts of {prompt} tokens, "
        f"{new_tokens} new ones",
    ]


def table(*columns: Memory, width: int = 14) -> list[str]:
    """A line a part, and the total, in MiB."""
    names = [name for name in vars(columns[0]) if any(vars(column)[name] for column in columns)]
    rows = [(name.replace("_", " "), [vars(column)[name] for column in columns]) for name in names]
    rows.append(("in all", [column.total for column in columns]))
    return [f"{name:<14}" + "".join(f"{value / MIB:>{width},.0f}" for value in values) for name, values in rows]


def fits(on_gpu: Model, batch: int, length: int) -> list[str]:
    """The largest batch and the largest length that train on GPUs of common sizes."""
    lines = [f"{'GPU':<10}{'rows of ' + str(length) + ' tokens':>22}{'tokens of ' + str(batch) + ' rows':>22}"]
    for size in remedies.SIZES:
        room = remedies.usable(size * remedies.GIB)
        rows, tokens = remedies.largest_batch(on_gpu, length, room), remedies.largest_length(on_gpu, batch, room)
        shown = [str(number) if number > (1 if name == "tokens" else 0) else "none" for name, number in
                 (("rows", rows), ("tokens", tokens))]  # fmt: skip
        lines.append(f"{size:>3} GiB   {shown[0]:>22}{shown[1]:>22}")
    return lines


def advice(model: Model, batch: int, length: int, training: Memory) -> list[str]:
    """What to change where training does not fit the device that is here; or nothing."""
    free = kv_cache.free_bytes()
    if free is None or model.device != device() or training.least <= free:
        return []
    found = remedies.remedies(model, batch, length, training.least)
    return [
        "",
        f"does not fit: {free / MIB:,.0f} MiB are free here. What to change first, and what each saves alone:",
        *(f"  {text:<62}{saved / MIB:>10,.0f} MiB" for text, saved in found),
    ]
