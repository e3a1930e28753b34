"""Which keys of params.yaml dvc.yaml declares for a stage: those that can change its result, and no others."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tuning.core.paths import PARAMS

PIPELINE = Path(__file__).resolve().parents[2] / "dvc.yaml"  # of the project that this code belongs to


@functools.cache
def names(stage: str) -> tuple[str, ...]:
    """The keys that a stage declares: sections, top-level keys, and ``section.key``."""
    import yaml

    found: list[str] = []
    for entry in yaml.safe_load(PIPELINE.read_text(encoding="utf-8"))["stages"][stage]["params"]:
        if isinstance(entry, str):
            found.append(entry)
        else:  # a file's name and its keys
            found += (name for keys in entry.values() for name in keys)
    return tuple(found)


def declared(stage: str, without: Iterable[str] = (), values: dict[str, Any] | None = None) -> dict[str, Any]:
    """The values of a stage's declared keys, by their declared names.

    What interrupted work depends on is made of them, so that no other key makes it unusable.

    Args:
        without: ``section.key`` names to leave out, of declared keys or of keys in a declared section.
        values: of all keys; None: what params.yaml of the working directory has.

    Returns:
        None for a key that is not there.
    """
    import yaml

    values = yaml.safe_load(PARAMS.read_text(encoding="utf-8")) if values is None else values
    found: dict[str, Any] = {}
    for name in names(stage):
        value = values
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, dict):
            value = {key: each for key, each in value.items() if f"{name}.{key}" not in without}
        if name not in without:
            found[name] = value
    return found


def undeclared_problem(section: str, key: str) -> str | None:
    """What is wrong with a key of ``generation`` that baseline and generate do not both declare, or None.

    The section is declared key by key, since some of its keys change nothing. A key that DVC does not see would
    leave the old answers in place.
    """
    name = f"{section}.{key}"
    if section != "generation" or all(name in names(stage) for stage in ("baseline", "generate")):
        return None
    return f"{name!r} is not seen by DVC: add it to params.yaml and to the list &generation in dvc.yaml"
