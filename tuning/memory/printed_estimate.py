"""The estimate of a run for people, before it starts: a table, what fits which GPU, and what to change."""

from tuning.config.own_keys import Generation
from tuning.generation import kv_cache
from tuning.memory import remedies
from tuning.memory.estimator import Estimator, Memory
from tuning.memory.run import Run
from tuning.model.device import device, free_bytes

MIB = 2**20
ROW, PROMPT = 1024, 256  # tokens of a row where there is no limit, and of a prompt


def show(run: Run, on_cuda: Run, generation: Generation) -> str:
    """The whole estimate.

    Args:
        run: on the device that is asked for.
        on_cuda: the same on a GPU.
        generation: the section of params.yaml.

    Raises:
        UserError: the adapter does not fit the model.
    """
    batch, length = run.training.per_device_train_batch_size, run.training.max_length or ROW
    on_gpu, model = Estimator(on_cuda), Estimator(run)
    if not run.adapter.whole and run.model.quantized == on_cuda.model.quantized:
        on_gpu.trained = model.trained  # adapters have the same dtype on every device
    training = model.training(batch, length)
    shown = [heading(model), "", *parts(model, training, batch, length, generation), ""]
    return "\n".join([*shown, *fits(on_gpu, batch, length), *advice(model, batch, length, training)])


def heading(model: Estimator) -> str:
    """The model, its parameters, dtype and device."""
    parameters, trained, spec = model.weights.parameters, model.trained.parameters, model.run.model
    return (
        f"{spec.name}: {parameters:,} parameters, {trained:,} trained ({trained / parameters:.2%}), "
        f"{str(spec.dtype).removeprefix('torch.')} on {spec.device}"
    )


def parts(model: Estimator, training: Memory, batch: int, length: int, generation: Generation) -> list[str]:
    """What training and generation need, by part."""
    new_tokens, at_once = generation.arguments["max_new_tokens"], generation.batch_size
    at_once = kv_cache.MOST[model.run.model.device] if at_once == "auto" else at_once
    return [
        f"{'MiB':<14}{'training':>14}{'generation':>14}",
        *table(training, model.generation(at_once, PROMPT, new_tokens)),
        f"training: {batch} rows of {length} tokens; generation: {at_once} prompts of {PROMPT} tokens, "
        f"{new_tokens} new ones",
    ]


def table(*columns: Memory, width: int = 14) -> list[str]:
    """A line a part, and the total, in MiB."""
    names = [name for name in vars(columns[0]) if any(vars(column)[name] for column in columns)]
    rows = [(name.replace("_", " "), [vars(column)[name] for column in columns]) for name in names]
    rows.append(("in all", [column.total for column in columns]))
    return [f"{name:<14}" + "".join(f"{value / MIB:>{width},.0f}" for value in values) for name, values in rows]


def fits(on_gpu: Estimator, batch: int, length: int) -> list[str]:
    """The largest batch and the largest length that train on GPUs of common sizes."""
    lines = [f"{'GPU':<10}{'rows of ' + str(length) + ' tokens':>22}{'tokens of ' + str(batch) + ' rows':>22}"]
    for size in remedies.SIZES:
        room = remedies.usable(size * remedies.GIB)
        rows, tokens = remedies.largest_batch(on_gpu, length, room), remedies.largest_length(on_gpu, batch, room)
        shown = [str(number) if number > (1 if name == "tokens" else 0) else "none" for name, number in
                 (("rows", rows), ("tokens", tokens))]  # fmt: skip
        lines.append(f"{size:>3} GiB   {shown[0]:>22}{shown[1]:>22}")
    return lines


def advice(model: Estimator, batch: int, length: int, training: Memory) -> list[str]:
    """The remedies, if training does not fit this device; else no lines."""
    free = free_bytes()
    if free is None or model.run.model.device != device() or training.least <= free:
        return []
    found = remedies.remedies(model, batch, length, training.least)
    return [
        "",
        f"does not fit: {free / MIB:,.0f} MiB are free here. What to change first, and what each saves alone:",
        *(f"  {text:<62}{saved / MIB:>10,.0f} MiB" for text, saved in found),
    ]
