"""Pictures of results; the same result is the same bytes."""

import io
from typing import Any

_COLOURS = {"base": "#9aa5b1", "tuned": "#1f77b4"}


def accuracy_by_type(base: dict[str, Any], tuned: dict[str, Any]) -> bytes:
    """A PNG: strict accuracy of base and tuned, in total and by instruction type, as horizontal bars.

    Args:
        base, tuned: what ``ifeval.score`` returns, of the same prompts.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [("all instructions", base["inst_level_strict_acc"], tuned["inst_level_strict_acc"])]
    rows += [("all prompts", base["prompt_level_strict_acc"], tuned["prompt_level_strict_acc"])]
    rows += [
        (f"{name} ({part['instructions']})", base["by_type"][name]["strict_acc"], part["strict_acc"])
        for name, part in tuned["by_type"].items()
    ]
    figure, axes = pyplot.subplots(figsize=(9, 0.32 * len(rows) + 1.2), layout="constrained")
    for shift, (model, column) in zip((-0.2, 0.2), (("base", 1), ("tuned", 2)), strict=True):
        places = [index + shift for index in range(len(rows))]
        axes.barh(places, [100 * row[column] for row in rows], height=0.38, color=_COLOURS[model], label=model)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("followed strictly, %")
    axes.axhline(1.5, color="black", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.06), ncols=2, frameon=False)
    return _png(figure)


_PARTS = {
    "weights": "#4e79a7",
    "adapter": "#f28e2b",
    "gradients": "#e15759",
    "optimizer": "#b07aa1",
    "activations": "#59a14f",
    "logits": "#edc948",
    "kv_cache": "#76b7b2",
    "runtime": "#bab0ac",
    "loading": "#9c755f",
    "kept": "#dcd6d3",
}


def memory(estimated: dict[str, Any], measured: dict[str, Any], capacity: int | None) -> bytes:
    """A PNG: the estimates by part as stacked bars, what was measured, and what the device has.

    Args:
        estimated: a ``stages.lib.memory.Memory`` by stage.
        measured: by stage, with ``peak_memory_bytes``.
        capacity: bytes of the device; None: unknown.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 1.2 + 0.7 * len(estimated)), layout="constrained")
    for place, (name, parts) in enumerate(estimated.items()):
        start = 0.0
        for part, colour in _PARTS.items():
            size = getattr(parts, part) / 2**30
            axes.barh(place, size, left=start, height=0.5, color=colour, label=part if place == 0 else None)
            start += size
        peak = measured[name]["peak_memory_bytes"] / 2**30
        axes.plot([peak, peak], [place - 0.35, place + 0.35], color="black", label="measured" if place == 0 else None)
    if capacity is not None:
        axes.axvline(capacity / 2**30, color="red", linestyle="--", linewidth=1, label="the device")
    axes.set_yticks(range(len(estimated)), [name.replace("_", " ") for name in estimated])
    axes.invert_yaxis()
    axes.set_xlabel("GiB")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.35), ncols=5, frameon=False, fontsize=8)
    return _png(figure)


def _png(figure) -> bytes:
    from matplotlib import pyplot

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
    pyplot.close(figure)
    return file.getvalue()
