"""Paths of the project's files, from its top folder."""

from pathlib import Path

PARAMS = Path("params.yaml")
CURVES = Path("metrics/curves")
COMMITS = Path("data/prepared/commits.json")
UNFINISHED = Path("unfinished")
LOCKS = Path(".dvc/tmp/stages")  # which git ignores
