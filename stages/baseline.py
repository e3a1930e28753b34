"""Answers the evaluation prompts with the base model.

The result is reused by every experiment that changes only the training.
"""

from functools import partial
from pathlib import Path

from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.core.command import run
from tuning.core.files import check_outputs, write_json
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.generation.answering import answer, metrics, verbose
from tuning.generation.response_file import WITHOUT
from tuning.generation.task import PROMPTS, task
from tuning.memory.preflight import check_generation
from tuning.model.base_model import load_model
from tuning.model.commits import pinned, revisions
from tuning.model.model_spec import check_tokens, model_spec
from tuning.model.processes import launched, rank

METRICS, MEASURED = Path("metrics/baseline.json"), Path("metrics/measured/baseline.json")


def main(show: bool = False) -> None:
    params = pinned(read_params())
    if launched(params.launch, "stages.baseline", *["-v"] * show):
        return
    check_outputs(files=[METRICS])
    folder = unfinished_work("baseline", declared("baseline", WITHOUT), revisions(params), PROMPTS)
    asked = task(params, folder)

    def load():
        spec = model_spec(params)
        check_tokens(spec, asked.tokenizer, asked.token_ids())
        check_generation(spec, None, asked, params.resources.strict)
        return load_model(spec)

    responses = answer(asked, load, MEASURED, show)
    if rank() > 0:
        return
    write_json(METRICS, {"base": metrics(responses), "base_template": "none" if asked.bare else "chat"})
    remove(folder)


if __name__ == "__main__":
    run(partial(main, show=verbose()), lock="baseline")
