"""Contradictions: values of params.yaml that are valid alone but not together, or need a missing package."""

import importlib.util
from typing import Any

from tuning.config import references
from tuning.config.command_templates import names_in

# The package that an optimizer needs, by a part of its name in transformers; the first match counts.
_OPTIMIZERS = {
    "adamw_torch_8bit": "torchao",
    "adamw_torch_4bit": "torchao",
    "bnb": "bitsandbytes",
    "8bit": "bitsandbytes",
    "paged": "bitsandbytes",
    "lion_32bit": "bitsandbytes",
    "ademamix": "bitsandbytes",
    "apex": "apex",
    "anyprecision": "torchdistx",
    "galore": "galore_torch",
    "apollo": "apollo_torch",
    "lomo": "lomo_optim",
    "grokadamw": "grokadamw",
    "schedule_free": "schedulefree",
    "stable_adamw": "optimi",
}


def broken(values: dict[str, Any]) -> list[str]:
    """The contradictions, one sentence each.

    Args:
        values: of params.yaml, each of which is right by itself.
    """
    return references.broken(values) + _of_adapters(values) + _of_training(values) + _of_generation(values)


def _of_adapters(values: dict[str, Any]) -> list[str]:
    lora, prompt_tuning, quantization = values["lora"], values["prompt_tuning"], values["quantization"]
    adapted, problems = lora["enabled"] or prompt_tuning["enabled"], []
    if not adapted and not values["full_finetuning"]:
        choices = "'lora.enabled', 'prompt_tuning.enabled' or 'full_finetuning'"
        problems.append(f"no adapter is enabled: set {choices} to true")
    if adapted and values["full_finetuning"]:
        problems.append("'full_finetuning' trains all weights: set 'lora.enabled' and 'prompt_tuning.enabled' to false")
    if values["full_finetuning"] and quantization["enabled"]:
        problems.append("quantized weights cannot be trained: set 'quantization.enabled' or 'full_finetuning' to false")
    for key in ("modules_to_save", "trainable_token_indices", "bias"):
        if lora["enabled"] and prompt_tuning["enabled"] and lora.get(key) not in (None, [], {}, "none"):
            problems.append(f"'lora.{key}' is lost beside prompt tuning: leave it out, or disable one of the two")
    if prompt_tuning["enabled"] and "num_virtual_tokens" not in prompt_tuning:
        problems.append("'prompt_tuning.num_virtual_tokens' is missing: it has no default")
    if lora["enabled"] and prompt_tuning["enabled"] and values["train"].get("load_best_model_at_end"):
        problems.append(
            "'train.load_best_model_at_end' would load the best prompt beside LoRA's last weights: "
            "set it to false, or disable one of the two"
        )
    if quantization["enabled"] and bool(quantization.get("load_in_4bit")) == bool(quantization.get("load_in_8bit")):
        problems.append("'quantization' needs either 'load_in_4bit' or 'load_in_8bit' to be true, and not both")
    if quantization["enabled"] and importlib.util.find_spec("bitsandbytes") is None:
        problems.append("'quantization' needs the package 'bitsandbytes': run `make setup`")
    return problems


def _of_training(values: dict[str, Any]) -> list[str]:
    train, problems = values["train"], []
    package = _optimizer_package(train.get("optim", ""))
    if package and importlib.util.find_spec(package) is None:
        problems.append(f"'train.optim': {train['optim']} needs the package {package!r}, which is not installed")
    attention = values["model_config"].get("attn_implementation")
    keeps_rows_apart = isinstance(attention, str) and "flash" in attention
    if (train.get("packing") or train.get("padding_free")) and not keeps_rows_apart:
        problems.append(
            "'train.packing' and 'train.padding_free' need an attention that keeps rows apart: "
            "set 'model_config.attn_implementation' to flash_attention_2"
        )
    if train.get("bf16") is True and train.get("fp16"):
        problems.append("'train.bf16' and 'train.fp16' cannot both be true")
    smoothed = (train.get("label_smoothing_factor") or 0) > 0
    if values["unlikelihood"]["answers"] > 0 and (smoothed or train.get("loss_type") == "dft"):
        name = "label_smoothing_factor" if smoothed else "loss_type"
        problems.append(f"'train.{name}' does not act in the second training: set 'unlikelihood.answers' to 0")
    if train.get("max_steps", 0) < 1 and "num_train_epochs" in train and train["num_train_epochs"] <= 0:
        problems.append("nothing is trained: set 'train.num_train_epochs' above 0, or 'train.max_steps'")
    return problems


def _of_generation(values: dict[str, Any]) -> list[str]:
    generation = values["generation"]
    if generation["batch_size"] == "auto" and generation["num_batches"] is not None:
        return ["'generation.num_batches' counts batches of a known size: set 'generation.batch_size' to a number"]
    if generation.get("max_new_tokens") is None:
        return ["'generation.max_new_tokens' is needed: IFEval's protocol is 1280"]
    if (generation.get("num_return_sequences") or 1) > 1:
        return ["'generation.num_return_sequences' must be 1: IFEval scores one response to a prompt"]
    return _of_sampling(generation) + _of_servers(values)


def _of_sampling(generation: dict[str, Any]) -> list[str]:
    """Values with which servers draw the likeliest token, or from all, and transformers refuses to draw."""
    if generation["engine"] != "transformers" or not generation.get("do_sample"):
        return []
    return [
        f"'generation.{key}' must be above 0, or null, where 'generation.do_sample' is true, not {generation[key]}"
        for key, value in (("temperature", 0), ("typical_p", 0), ("top_k", -1))
        if generation.get(key) == value
    ]


def _of_servers(values: dict[str, Any]) -> list[str]:
    generation, problems = values["generation"], []
    if "@" in generation["base_url"]:
        advice = "set the environment variable OPENAI_API_KEY, since params.yaml and messages show the address"
        problems.append(f"'generation.base_url' cannot hold a name and a password: {advice}")
    for key in ("serve", "serve_adapter"):
        if generation[key] is not None and generation["engine"] != "openai":
            problems.append(f"'generation.{key}' starts a server, and none is asked: set 'generation.engine' to openai")
    lora = values["lora"]["enabled"]
    if not lora and "rank" in names_in(generation["serve_adapter"] or ""):
        problems.append("'generation.serve_adapter' has {rank}, the rank of LoRA, which 'lora.enabled' switches off")
    return problems


def _optimizer_package(name: str) -> str | None:
    """The package an optimizer comes from; None for those of torch and transformers."""
    return next((package for mark, package in _OPTIMIZERS.items() if mark in name), None)
