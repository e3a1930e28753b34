"""Answers the evaluation prompts with the base model, once for all experiments that only train differently."""

from functools import partial
from pathlib import Path

from tuning.config.declared import declared
from tuning.config.params import read_params
from tuning.core.allocator import keep_freed_memory
from tuning.core.errors import run
from tuning.core.files import read_jsonl, write_json
from tuning.core.unfinished_work import remove, unfinished_work
from tuning.generation.answering import PROMPTS, answer, is_served, longest_prompt, metrics, selected, verbose
from tuning.generation.response_file import WITHOUT
from tuning.memory.preflight import check_generation
from tuning.model.base_model import load_model
from tuning.model.chat_template import load_tokenizer
from tuning.model.processes import launched, rank

METRICS, MEASURED = Path("metrics/baseline.json"), Path("metrics/measured/baseline.json")


def main(show: bool = False) -> None:
    params = read_params(
        "model", "tokenizer", "seed", "launch", "model_config", "tokenizer_config", "quantization", "generation"
    )
    strict = read_params("resources.strict")["resources.strict"]
    if launched(params["launch"], "stages.baseline", *["-v"] * show):
        return
    keep_freed_memory()
    prompts = selected(read_jsonl(PROMPTS), params["generation"])
    tokenizer = load_tokenizer(params)
    model = None
    if not is_served(params["generation"]):
        check_generation(params, longest_prompt(tokenizer, prompts, params["generation"]), strict)
        model = load_model(params)
    folder = unfinished_work("baseline", declared("baseline", WITHOUT), PROMPTS)
    base = answer("base", model, tokenizer, prompts, params, folder, MEASURED, show)
    if rank() > 0:
        return
    write_json(METRICS, {"base": metrics(base)})
    remove(folder)


if __name__ == "__main__":
    run(partial(main, show=verbose()))
