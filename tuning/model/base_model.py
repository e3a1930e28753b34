"""The base model, quantized or not."""

from typing import TYPE_CHECKING, Any

from tuning.model.architectures import architecture
from tuning.model.hub import borrow, explain

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def device() -> str:
    """``cuda``, ``mps`` or ``cpu``: where one process computes."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def is_quantized(params: dict[str, Any]) -> bool:
    """Whether this run quantizes the base model; ``auto`` does so on a CUDA device only."""
    enabled = params["quantization"]["enabled"]
    return device() == "cuda" if enabled == "auto" else enabled


def load_config(params: dict[str, Any]) -> "PreTrainedConfig":
    """The configuration of the base model.

    Raises:
        UserError: the model is neither a local folder nor on the Hub, is gated, or cannot be read.
    """
    from transformers import AutoConfig

    named = ("cache_dir", "local_files_only", "revision", "subfolder", "token", "trust_remote_code")
    options = {key: value for key, value in params["model_config"].items() if key in named}
    borrow(params["model"])
    with explain("model", params["model"]):
        return AutoConfig.from_pretrained(params["model"], **options)


def load_model(params: dict[str, Any]) -> "PreTrainedModel":
    """The base model that ``model`` names, as ``model_config`` and ``quantization`` say.

    Without a ``device_map`` it lands on the one device there is, or on this process's own. ``dtype:
    auto`` is the checkpoint's own on a GPU, and float32 on a CPU, which computes half precision slowly.

    Raises:
        UserError: as ``load_config``.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    options = dict(params["model_config"])
    if options.get("dtype", "auto") == "auto" and device() == "cpu":
        options["dtype"] = torch.float32
    if attention := architecture(load_config(params).model_type).attention:
        options.setdefault("attn_implementation", attention)
    if is_quantized(params):
        given = {key: value for key, value in params["quantization"].items() if key != "enabled"}
        options["quantization_config"] = BitsAndBytesConfig(**given)
    if options.get("device_map") is None:
        options["device_map"] = {"": own_device()}
    with explain("model", params["model"]):
        model = AutoModelForCausalLM.from_pretrained(params["model"], **options)
    keep_layout(model)
    if is_quantized(params) and device() == "cpu":
        _leave_file(model)
    return model


def _leave_file(model: "PreTrainedModel") -> None:
    """Copies what was not quantized, which may still be a part of the mapped file.

    A mapped file stays in the process as a whole, with the unquantized form of all weights, while one tensor of it is
    in use.
    """
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.is_floating_point():
            tensor.data = tensor.data.clone()


def keep_layout(model: "PreTrainedModel") -> None:
    """Lets 4-bit layers compute with the weights as they are, on every processor.

    On one that computes in bfloat16, bitsandbytes packs the weights anew when they are first used without gradients:
    the result is rounded otherwise, has no gradient for the training that follows an evaluation, and the layout does
    not exist for widths that are no multiple of the block (bitsandbytes 0.50, ``nn.Linear4bit.forward``).
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False


def own_device() -> str:
    """The device of this process: of several that share a machine's GPUs, the one of its local rank."""
    import os

    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if device() == "cuda" else device()
