"""Prints how much memory a run would need: by part, what fits GPUs of common sizes, and what to change.

    python -m stages.estimate [-S key=value ...] [--device cuda]

Only the model's configuration is read; no weights are loaded, and no GPU is needed to estimate for one.
"""

import argparse
import warnings
from pathlib import Path

from tuning.config import overrides
from tuning.config.params import Params
from tuning.core.command import run
from tuning.core.errors import UserError, doing
from tuning.memory import printed_estimate
from tuning.memory.estimator import CannotEstimate
from tuning.memory.known_models import configuration
from tuning.memory.run import Run
from tuning.model.adapters import adapter_spec
from tuning.model.commits import pinned
from tuning.model.model_spec import model_spec


def main(arguments: argparse.Namespace) -> None:
    params = pinned(overrides.apply(arguments.set_param))
    warnings.simplefilter("ignore")  # what libraries say of the model, train shows
    with doing(f"estimating the memory of {params.model}"):
        here, gpu = run_on(params, arguments.device), run_on(params, "cuda")
        try:
            print(printed_estimate.show(here, gpu, params.generation))
        except CannotEstimate as error:
            raise UserError(str(error)) from error


def run_on(params: Params, device: str | None) -> Run:
    """The run on a kind of device; None: the one that is here."""
    from tuning.training.trainer import training_config

    spec, adapter = model_spec(params, configuration(params), device), adapter_spec(params)
    return Run(spec, adapter, training_config(params, spec, adapter, Path()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-S", "--set-param", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--device", choices=("cpu", "cuda", "mps"), help="the kind of device to estimate for")
    parsed = parser.parse_args()
    run(lambda: main(parsed))
