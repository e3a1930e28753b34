"""Compares experiments: what each scores, and its paired difference from the first.

    python -m stages.compare EXPERIMENT EXPERIMENT ...

Names are those of experiments, branches, tags or commits; `workspace` is what lies here now.
"""

import argparse

from tuning.config.params import read_params
from tuning.core.command import run
from tuning.core.errors import doing
from tuning.report.comparison import compare


def main(names: list[str]) -> None:
    seed = read_params().seed
    with doing(f"comparing {', '.join(names)}"):
        print(compare(names, seed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="EXPERIMENT")
    parsed = parser.parse_args()
    run(lambda: main(parsed.names))
