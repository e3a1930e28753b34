"""Answers the evaluation prompts with the tuned model."""

from functools import partial
from pathlib import Path

from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.core.command import run
from tuning.core.files import check_outputs, write_json
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.generation.answering import answer, metrics, verbose
from tuning.generation.older_server import tell_of_older_server
from tuning.generation.response_file import WITHOUT
from tuning.generation.task import PROMPTS, Tuned, task
from tuning.memory.preflight import check_generation
from tuning.model.adapters import ADAPTER, adapter_spec, check_trained, load_tuned, lora_rank
from tuning.model.commits import pinned, revisions
from tuning.model.model_spec import check_tokens, model_spec
from tuning.model.processes import launched, rank

METRICS, MEASURED = Path("metrics/generate.json"), Path("metrics/measured/generate.json")


def main(show: bool = False) -> None:
    params = pinned(read_params())
    if launched(params.launch, "stages.generate", *["-v"] * show):
        return
    check_trained()
    check_outputs(files=[METRICS])
    folder = unfinished_work("generate", declared("generate", WITHOUT), revisions(params), PROMPTS, ADAPTER)
    asked = task(params, folder, Tuned(str(ADAPTER), params.full_finetuning, lora_rank(params)))
    tell_of_older_server(asked, ADAPTER)

    def load():
        spec, adapter = model_spec(params), adapter_spec(params)
        check_tokens(spec, asked.tokenizer, asked.token_ids())
        check_generation(spec, adapter, asked, params.resources.strict)
        return load_tuned(spec, adapter)

    responses = answer(asked, load, MEASURED, show)
    if rank() > 0:
        return
    write_json(METRICS, {"longest_prompt_tokens": asked.longest(), "tuned": metrics(responses)})
    remove(folder)


if __name__ == "__main__":
    run(partial(main, show=verbose()), lock="generate")
