"""Writes what docs/params.md says of the project's own keys, from own_keys.py and params.yaml.

``python -m tuning.config.documentation`` brings the page up to date. Rows about keys of Hugging Face classes, and all
text around the tables, are written by hand and stay.
"""

import re
from pathlib import Path
from typing import Any

from tuning.config.own_keys import SECTIONS, Section, TopLevel
from tuning.config.yaml_file import load

_PAGE, _PARAMS = Path("docs/params.md"), Path("params.yaml")
_LONGEST_DEFAULT = 60


def updated(page: str, values: dict[str, Any]) -> str:
    """The page with one row for each own key, first in the table of its section.

    Args:
        page: Markdown, with a heading ``## SECTION`` and a table below it for each section.
        values: of params.yaml, for the column of defaults.
    """
    rows = {"Top level": _rows("", TopLevel, values)}
    rows |= {name: _rows(f"{name}.", section, values[name]) for name, section in SECTIONS.items()}
    own, section, lines = {key for each in rows.values() for key in each}, "", []
    for line in page.splitlines():
        heading, row = re.match(r"## ([\w ]+)", line), re.match(r"\| `([\w.]+)` \|", line)
        section = heading[1] if heading else section
        if not (row and row[1] in own):
            lines.append(line)
        if line.startswith("| ---"):
            lines += rows.get(section, {}).values()
    return "\n".join(lines) + "\n"


def _rows(prefix: str, section: type[Section], values: dict[str, Any]) -> dict[str, str]:
    """For each own key's full name, its row of the table."""
    rows = {}
    for key, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            rows |= _rows(f"{prefix}{key}.", field.annotation, values[key])
            continue
        default = _yaml(values[key])
        default = f"`{default}`" if len(default) <= _LONGEST_DEFAULT else "see params.yaml"
        cells = [f"`{prefix}{key}`", " ".join(field.description.split()), default, f"`{_yaml(field.examples[0])}`"]
        rows[prefix + key] = "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
    return rows


def _yaml(value: Any) -> str:
    """The value as one writes it in a line of params.yaml."""
    import yaml

    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("...\n").strip()


if __name__ == "__main__":
    _PAGE.write_text(updated(_PAGE.read_text(encoding="utf-8"), load(_PARAMS)), encoding="utf-8")
