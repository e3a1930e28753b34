"""Answers the evaluation prompts with the tuned model."""

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
from tuning.model.adapters import ADAPTER, check_trained, load_adapter
from tuning.model.base_model import load_model
from tuning.model.chat_template import load_tokenizer
from tuning.model.processes import launched, rank

METRICS, MEASURED = Path("metrics/generate.json"), Path("metrics/measured/generate.json")


def main(show: bool = False) -> None:
    params = read_params(
        "model",
        "tokenizer",
        "seed",
        "launch",
        "full_finetuning",
        "model_config",
        "tokenizer_config",
        "quantization",
        "lora",
        "prompt_tuning",
        "generation",
    )
    strict = read_params("resources.strict")["resources.strict"]
    if launched(params["launch"], "stages.generate", *["-v"] * show):
        return
    keep_freed_memory()
    check_trained()
    prompts = selected(read_jsonl(PROMPTS), params["generation"])
    tokenizer = load_tokenizer({**params, "tokenizer": str(ADAPTER)})
    longest = longest_prompt(tokenizer, prompts, params["generation"])
    model = None
    if not is_served(params["generation"]):
        check_generation(params, longest, strict)
        model = load_adapter(load_model(params), ADAPTER, params)
    folder = unfinished_work("generate", declared("generate", WITHOUT), PROMPTS, ADAPTER)
    tuned = answer("tuned", model, tokenizer, prompts, params, folder, MEASURED, show)
    if rank() > 0:
        return
    write_json(METRICS, {"longest_prompt_tokens": longest, "tuned": metrics(tuned)})
    remove(folder)


if __name__ == "__main__":
    run(partial(main, show=verbose()))
