"""Models of true sizes with random weights, made on the device; and the values of an experiment with them."""

import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tests import tiny
from tuning.config.params import Params, checked
from tuning.config.yaml_file import load
from tuning.memory.known_models import configuration
from tuning.memory.run import Run
from tuning.model.adapters import adapter_spec, add_adapter
from tuning.model.base_model import keep_layout
from tuning.model.device import device
from tuning.model.model_spec import ModelSpec, model_spec
from tuning.training.trainer import training_config

LLAMA, QWEN = "meta-llama/Llama-3.1-8B", "Qwen/Qwen2.5-7B"
GEMMA, PHI = "google/gemma-2-2b-jpn-it", "microsoft/phi-2"
# With --tiny, models have these sizes. Hidden sizes below 64 are no whole block of bitsandbytes'.
TINY = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 1024,
}
KINDS = ("LoRA", "4 bits", "8 bits", "prompt tuning", "full")


@dataclass(frozen=True)
class Bench:
    """How the parts run.

    Attributes:
        out: folder of the results.
        tiny: whether models and sizes are so small that a CPU goes through all of it in seconds.
        seconds: that the part may take.
    """

    out: Path
    tiny: bool
    seconds: float

    def choose(self, large: Any, small: Any) -> Any:
        """The first on a GPU, the second where everything is tiny."""
        return small if self.tiny else large


def values(model: str, kind: str = "LoRA", **train: Any) -> dict[str, Any]:
    """The default experiment with this model, what is trained of it, and values of ``train``.

    Args:
        kind: one of ``KINDS``; with 4 and 8 bits, LoRA is trained.
    """
    found = load(tiny.ROOT / "params.yaml")
    found["model"] = model
    found["lora"]["enabled"] = kind in ("LoRA", "4 bits", "8 bits")
    found["prompt_tuning"]["enabled"] = kind == "prompt tuning"
    found["full_finetuning"] = kind == "full"
    found["quantization"].update(enabled="bits" in kind, load_in_4bit=kind != "8 bits", load_in_8bit=kind == "8 bits")
    found["train"].update(eval_strategy="no", eval_on_start=False, save_strategy="no", disable_tqdm=True)
    found["train"].update(train)
    return found


def described(bench: Bench, experiment: dict[str, Any]) -> tuple[Params, ModelSpec]:
    """The experiment as the stages read it, and the model as they would load it."""
    params = checked(experiment)
    config = configuration(params)
    if bench.tiny:
        shrink(config)
    return params, model_spec(params, config)


def shrink(config) -> None:
    """Gives a model's configuration the sizes of ``TINY``."""
    for name, size in TINY.items():
        if hasattr(config, name):
            setattr(config, name, size)
    if config.model_type == "phi":
        config.num_key_value_heads = config.num_attention_heads
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[: config.num_hidden_layers]


def planned(params: Params, spec: ModelSpec, folder: Path) -> Run:
    """The run whose memory is estimated, and that is trained."""
    adapter = adapter_spec(params)
    return Run(spec, adapter, training_config(params, spec, adapter, folder, validates=False))


def made(spec: ModelSpec, seed: int = 0):
    """The model with random weights, as ``load_model`` would return it, quantized where the spec says so."""
    from transformers import AutoModelForCausalLM

    options = {"attn_implementation": spec.attention} if spec.attention else {}
    torch.manual_seed(seed)
    with torch.device(device()):
        model = AutoModelForCausalLM.from_config(spec.config, dtype=spec.dtype, **options)
    if spec.quantization:
        quantize(model, spec.quantization)
    keep_layout(model)
    return model.eval()


def quantize(model, quantization) -> None:
    """Replaces the linear layers but the head by bitsandbytes' own, in place, one after another."""
    import bitsandbytes

    head = model.get_output_embeddings()
    found = [(name, layer) for name, layer in model.named_modules() if type(layer) is torch.nn.Linear]
    for name, layer in found:
        if layer is head:
            continue
        sizes, options = (layer.in_features, layer.out_features, layer.bias is not None), {"device": "meta"}
        if quantization.load_in_8bit:
            new = bitsandbytes.nn.Linear8bitLt(*sizes, has_fp16_weights=False, threshold=6.0, **options)
            weight = bitsandbytes.nn.Int8Params(layer.weight.data, requires_grad=False)
        else:
            how = {
                "compress_statistics": quantization.bnb_4bit_use_double_quant,
                "quant_type": quantization.bnb_4bit_quant_type,
            }
            compute = quantization.bnb_4bit_compute_dtype
            new = bitsandbytes.nn.Linear4bit(*sizes, compute_dtype=compute, **how, **options)
            weight = bitsandbytes.nn.Params4bit(layer.weight.data, requires_grad=False, module=new, **how)
        new.weight, new.bias = weight._quantize(layer.weight.device), layer.bias
        model.set_submodule(name, new)
    model.is_loaded_in_8bit, model.is_loaded_in_4bit = quantization.load_in_8bit, quantization.load_in_4bit


def adapted(run: Run):
    """The model with a new adapter, as train starts with it."""
    return add_adapter(made(run.model), run.model, run.adapter, run.checkpointing)


def tokenizer():
    """A small tokenizer with a chat template; its ids are in every model's vocabulary."""
    words = tiny.tokenizer()
    words.pad_token = "<|endoftext|>"
    return words


def free() -> None:
    """Gives back what is no longer used, and starts a new peak."""
    gc.collect()
    if device() == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def wait() -> None:
    """Returns once the device has done what it was given."""
    if device() == "cuda":
        torch.cuda.synchronize()
