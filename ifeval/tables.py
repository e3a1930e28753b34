"""Scores as tables of plain text."""

from typing import Any

from ifeval.scoring import ACCURACIES

TITLES = {
    "prompt_level_strict_acc": "prompt level, strict",
    "inst_level_strict_acc": "instruction level, strict",
    "prompt_level_loose_acc": "prompt level, loose",
    "inst_level_loose_acc": "instruction level, loose",
}


def score_table(scores: dict[str, Any], baseline: dict[str, Any] | None, difference: dict[str, Any] | None) -> str:
    """The four accuracies in percent with their 95 % intervals, and the paired difference if there is one."""
    header = ["accuracy, %", "score", "95 % interval"]
    if baseline:
        header = ["accuracy, %", "baseline", "score", "difference", "95 % interval", "McNemar p"]
    rows = [header]
    for name in ACCURACIES:
        row = [TITLES[name], percent(scores[name])]
        if baseline:
            row.insert(1, percent(baseline[name]))
            row += [signed(difference[name]), interval(difference[f"{name}_ci95"], signed)]
            p = difference.get(f"{name}_mcnemar_p")
            row.append("" if p is None else f"{p:.3g}")
        else:
            row.append(interval(scores[f"{name}_ci95"], percent))
        rows.append(row)
    return align(rows)


def type_table(scores: dict[str, Any], baseline: dict[str, Any] | None = None) -> str:
    """Strict and loose accuracy by family and type, in percent, next to the baseline's strict one."""
    rows = [["instructions", "asked", *(["baseline"] if baseline else []), "strict", "loose"]]
    for family, total in scores["by_family"].items():
        rows.append(_row(family, total, baseline and baseline["by_family"][family]))
        for name, part in scores["by_type"].items():
            if name.split(":")[0] == family:
                rows.append(_row("  " + name.split(":")[1], part, baseline and baseline["by_type"][name]))
    return align(rows)


def align(rows: list[list[str]]) -> str:
    """Columns of equal width: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _row(name: str, part: dict[str, Any], base: dict[str, Any] | None) -> list[str]:
    middle = [percent(base["strict_acc"])] if base else []
    return [name, str(part["instructions"]), *middle, percent(part["strict_acc"]), percent(part["loose_acc"])]


def percent(value: float) -> str:
    return f"{100 * value:.1f}"


def signed(value: float) -> str:
    return f"{100 * value:+.1f}"


def interval(bounds: list[float], show) -> str:
    return f"{show(bounds[0])} to {show(bounds[1])}"
