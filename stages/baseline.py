"""Answers the evaluation prompts with the base model, once for all experiments that only train differently."""

from functools import partial
from pathlib import Path

from stages.lib.allocator import keep_freed_memory
from stages.lib.answering import PROMPTS, answer, is_served, longest_prompt, selected, verbose
from stages.lib.chat import load_tokenizer
from stages.lib.errors import run
from stages.lib.files import fingerprint, read_jsonl
from stages.lib.launch import launched
from stages.lib.models import load_model
from stages.lib.params import read_params
from stages.lib.preflight import check_generation

MEASURED = Path("metrics/measured/baseline.json")


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
    answer("base", model, tokenizer, prompts, params, fingerprint(params, PROMPTS), MEASURED, show)


if __name__ == "__main__":
    run(partial(main, show=verbose()))
