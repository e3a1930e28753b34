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
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
    pyplot.close(figure)
    return file.getvalue()
