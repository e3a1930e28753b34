"""Answers the evaluation prompts with the base model and with the tuned one."""

from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.lib.adapters import ADAPTER, load_adapter
from stages.lib.allocator import keep_freed_memory
from stages.lib.chat import end_tokens, load_tokenizer, prompt_tokens
from stages.lib.decoding import generate, generation_config
from stages.lib.errors import run
from stages.lib.files import fingerprint, read_jsonl, write_json
from stages.lib.launch import launched, rank, world_size
from stages.lib.measurement import Measurement
from stages.lib.models import load_model
from stages.lib.params import read_params
from stages.lib.responses import Partial

PROMPTS, RESPONSES = Path("data/prepared/prompts.jsonl"), Path("data/responses")
METRICS, MEASURED = Path("metrics/generate.json"), Path("metrics/measured/generate.json")


def main() -> None:
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
    if launched(params["launch"], "stages.generate"):
        return
    keep_freed_memory()
    prompts = selected(read_jsonl(PROMPTS), params["generation"])
    tokenizer = load_tokenizer({**params, "tokenizer": str(ADAPTER)})
    model = load_model(params)

    base, base_measured = answer("base", model, tokenizer, prompts, params, fingerprint(params, PROMPTS))
    model = load_adapter(model, ADAPTER, params)
    tuned, tuned_measured = answer("tuned", model, tokenizer, prompts, params, fingerprint(params, PROMPTS, ADAPTER))

    longest = max(len(prompt_tokens(tokenizer, conversation(row))) for row in prompts)
    if rank() > 0:
        return
    write_json(METRICS, {"longest_prompt_tokens": longest, "base": metrics(base), "tuned": metrics(tuned)})
    write_json(MEASURED, {"base": base_measured, "tuned": tuned_measured})


def selected(prompts: list[dict[str, Any]], generation: dict[str, Any]) -> list[dict[str, Any]]:
    """All prompts, or as many from the beginning as ``num_batches`` holds."""
    batches = generation["num_batches"]
    return prompts if batches is None else prompts[: batches * generation["batch_size"]]


def answer(
    name: str, model, tokenizer, prompts: list[dict[str, Any]], params: dict[str, Any], run_id: str
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Writes the response to every prompt into data/responses/NAME.jsonl, going on where a killed run was."""
    partial = Partial(RESPONSES / f"{name}.jsonl", run_id, rank())
    done = {index for index, row in enumerate(prompts) if row["key"] in partial.rows}
    ids = [prompt_tokens(tokenizer, conversation(row)) for row in prompts]
    config = generation_config(model, tokenizer, end_tokens(tokenizer), params["generation"])
    measurement, tokens = Measurement(), 0
    batch_size = params["generation"]["batch_size"]
    share = rank(), world_size()
    shown = {"desc": f"generate {name}", "unit": " prompts", "disable": rank() > 0}
    with tqdm(total=len(prompts), initial=len(done), **shown) as bar:
        for batch in generate(model, tokenizer, ids, config, batch_size, params["seed"], done, share):
            partial.add([response_row(prompts[index], response) for index, response in batch])
            tokens += sum(response.new_tokens for _, response in batch)
            bar.set_postfix_str(f"{tokens / measurement.seconds():.0f} tokens/s")
            bar.update(len(batch))
    measured = measurement.result(tokens)
    rows = partial.finish([row["key"] for row in prompts]) if rank() == 0 else []
    return rows, measured


def conversation(prompt: dict[str, Any]) -> list[dict[str, str]]:
    """The prompt as it is, in a turn of the user."""
    return [{"role": "user", "content": prompt["prompt"]}]


def response_row(prompt: dict[str, Any], response) -> dict[str, Any]:
    """One line of a responses file."""
    return {
        "key": prompt["key"],
        "prompt": prompt["prompt"],
        "response": response.text,
        "new_tokens": response.new_tokens,
        "finish_reason": response.finish_reason,
    }


def metrics(responses: list[dict[str, Any]]) -> dict[str, Any]:
    """What metrics/generate.json holds of the base or the tuned model's responses."""
    tokens = [row["new_tokens"] for row in responses]
    cut = sum(row["finish_reason"] == "length" for row in responses)
    return {
        "responses": len(responses),
        "new_tokens": sum(tokens),
        "mean_new_tokens": sum(tokens) / len(tokens),
        "share_cut": cut / len(responses),
    }


if __name__ == "__main__":
    run(main)
