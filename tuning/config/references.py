"""Names of the Hub's repositories with the revision that may follow them: ``id@revision``."""

import re
from pathlib import Path
from typing import Any

_ID = re.compile(r"(?!\.)([\w.-]+(?:/[\w.-]+)?)")
_WITH_REVISION = re.compile(rf"{_ID.pattern}@([\w./+-]*)")


def split(name: str) -> tuple[str, str | None]:
    """Id and revision of ``id@revision``; what is here, or is no such reference, as it stands and None."""
    match = _WITH_REVISION.fullmatch(name)
    return (match[1], match[2]) if match and not Path(name).exists() else (name, None)


def is_hub_id(name: str) -> bool:
    """Whether a name without a revision may be an id of the Hub: by its form, and since nothing here has that name."""
    return bool(_ID.fullmatch(name)) and not Path(name).exists()


def broken(values: dict[str, Any]) -> list[str]:
    """What is wrong with the revisions of model and tokenizer, one sentence each.

    Args:
        values: of params.yaml, each of which is right by itself.
    """
    problems = []
    for key in ("model", "tokenizer"):
        _, named = split(values[key] or "")
        given = values[f"{key}_config"].get("revision")
        if named == "":
            problems.append(f"{key!r}: a revision (branch, tag or commit) must follow the @ of {values[key]!r}")
        elif named and given not in (None, named):
            problems.append(
                f"{key!r} names revision {named!r}, and '{key}_config.revision' {given!r}: keep one of them"
            )
    given = values["tokenizer_config"].get("revision")
    if values["tokenizer"] is None and given not in (None, _revision(values, "model")):
        advice = f"set 'model' to {split(values['model'])[0]}@{given} instead, or name 'tokenizer' too"
        problems.append(f"'tokenizer_config.revision' differs from the model's revision: {advice}")
    return problems


def moved(values: dict[str, Any]) -> dict[str, Any]:
    """The values with revisions as arguments of ``from_pretrained``; the model's own tokenizer has the model's.

    Args:
        values: of params.yaml, checked.
    """
    revisions = {"model": _revision(values, "model")}
    revisions["tokenizer"] = _revision(values, "tokenizer") if values["tokenizer"] else revisions["model"]
    changed: dict[str, Any] = {}
    for key, revision in revisions.items():
        changed[key] = values[key] and split(values[key])[0]
        changed[f"{key}_config"] = values[f"{key}_config"] | ({} if revision is None else {"revision": revision})
    return values | changed


def _revision(values: dict[str, Any], key: str) -> str | None:
    """The revision that a key names, or else its section."""
    return split(values[key] or "")[1] or values[f"{key}_config"].get("revision")
