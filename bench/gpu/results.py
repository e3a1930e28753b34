"""Results that are written as soon as they are there."""

import json
from math import isfinite
from pathlib import Path
from typing import Any

from tuning.core.files import write_json


class Results:
    """A list of findings in a JSON file, complete after every ``add``."""

    def __init__(self, path: Path):
        self.path = path
        self.found: list[dict[str, Any]] = []

    def add(self, finding: dict[str, Any]) -> None:
        """Writes it down, and prints it; a number that is not finite, which JSON cannot hold, as a word."""
        odd = {name: str(value) for name, value in finding.items() if isinstance(value, float) and not isfinite(value)}
        self.found.append(finding | odd)
        write_json(self.path, self.found)
        print(f"{self.path.stem}: {json.dumps(self.found[-1])}", flush=True)
