"""params.yaml with some values changed for one command, by DVC's own reading of ``-S``."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from tuning.config import checks, messages, params
from tuning.config.yaml_file import load
from tuning.core.errors import UserError


def apply(changes: list[str]) -> params.Params:
    """The parameters of the working directory, changed and checked; the file stays as it is.

    Args:
        changes: as for ``dvc exp run -S``, one value each: ``key=value``, ``+key=value`` for a key that params.yaml
            does not have, ``~key`` to remove one. The grammar is Hydra's:
            https://hydra.cc/docs/advanced/override_grammar/basic/

    Raises:
        UserError: a change cannot be read or applied, or what comes out is wrong.
    """
    if not changes:
        return params.read_params()
    return params.checked(changed(params.PATH, changes), "with the changes of -S")


def changed(path: Path, changes: list[str]) -> dict[str, Any]:
    """The values that DVC would write to a YAML file.

    Raises:
        UserError: a change cannot be read or applied.
    """
    values = load(path)  # says in one line what is wrong with the file itself
    with tempfile.TemporaryDirectory() as folder:
        for count in range(1, len(changes) + 1):
            copy = shutil.copy(path, Path(folder) / path.name)
            _apply(copy, changes[:count])  # together, as DVC does: what it has written once, it may not read again
            values = load(copy)
    return values


def _apply(path: Path, changes: list[str]) -> None:
    """Applies changes of which all but the last are known to be possible."""
    from dvc.exceptions import InvalidArgumentError
    from dvc.utils import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    change = changes[-1]
    try:
        [override] = hydra.to_hydra_overrides([change])
        if override.is_sweep_override():
            advice = "this command takes one value; a text with a comma needs quotes"
            raise UserError(f"-S {messages.shortened(change)}: {advice}")
        hydra.apply_overrides(path, changes)
    except InvalidArgumentError as error:
        raise _misspelt(path, change) or _refusal(change, error.__cause__) from None
    except (HydraException, OmegaConfBaseException, ValueError, RecursionError) as error:
        raise _refusal(change, error) from None


def _misspelt(path: Path, change: str) -> UserError | None:
    """What the check of params.yaml says of a key that resembles another; None of one that resembles none."""
    name, values = change.partition("=")[0], load(path)
    section, _, key = name.partition(".")
    place = values.get(section) if key else values
    if not isinstance(place, dict):
        return None
    place[key or section] = None
    unknown = [
        problem for problem in checks.check(values) if "did you mean" in problem and problem.startswith("unknown key")
    ]
    return UserError(f"-S {messages.shortened(change)}: {unknown[0]}") if unknown else None


def _refusal(change: str, error: BaseException) -> UserError:
    """What Hydra says of a change, on one line."""
    lines = [line.strip() for line in str(error).splitlines()]
    told = " ".join(line for line in lines if line and not line.startswith(("See ", "full_key", "object_type")))
    return UserError(f"-S {messages.shortened(change)}: {messages.shortened(told, 300)}")
