"""The results as tables in Markdown, for docs/performance.md and docs/resources.md."""

import json
from pathlib import Path
from typing import Any

GIB = 2**30
# Of each part: title, and what a row of its table shows of a finding.
TITLES = {
    "memory": "Memory, GiB of tensors",
    "training": "Training",
    "generation": "Generation",
    "correctness": "Correctness",
    "sharding": "FSDP and ZeRO-3, one process",
    "pipeline": "The pipeline",
}


def write(folder: Path) -> None:
    """Writes table.md from the JSON files that are in the folder, and prints it."""
    parts = [f"# {title}\n\n{table(rows)}" for name, title in TITLES.items() if (rows := found(folder, name))]
    text = "\n\n".join([device_line(), *parts]) + "\n"
    (folder / "table.md").write_text(text, encoding="utf-8")
    print(text)


def found(folder: Path, name: str) -> list[dict[str, Any]]:
    """What a part has written, if anything."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def device_line() -> str:
    """The device and the versions that decide its speed."""
    import bitsandbytes
    import peft
    import torch
    import transformers
    import trl

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU, a rehearsal: the numbers mean nothing"
    modules = (torch, transformers, trl, peft, bitsandbytes)
    return f"{device}; " + ", ".join(f"{module.__name__} {module.__version__}" for module in modules)


def table(rows: list[dict[str, Any]]) -> str:
    """The findings, one a row, with the columns of all of them; parts and logs are left to the JSON file."""
    names = list(dict.fromkeys(name for row in rows for name in row if name not in ("parts", "log", "losses")))
    lines = [names, ["---"] * len(names), *([cell(name, row.get(name)) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(name: str, value: Any) -> str:
    """A value for people: bytes in GiB, fractions in per cent."""
    if value is None:
        return ""
    if name in ("estimated", "measured", "peak"):
        return f"{value / GIB:.2f}"
    if name in ("error", "error_of_generate", "share_of_matrix_product_rate"):
        return f"{value:+.1%}" if name.startswith("error") else f"{value:.1%}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
