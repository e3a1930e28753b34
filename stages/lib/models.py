"""The base model, quantized or not, with or without an adapter."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.lib.errors import UserError
from stages.lib.hub import explain

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

ADAPTER = Path("models/adapter")


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


def load_model(params: dict[str, Any]) -> "PreTrainedModel":
    """The base model that ``model`` names, as ``model_config`` and ``quantization`` say.

    Without a ``device_map`` it lands on the one device there is. ``dtype: auto`` is the
    checkpoint's own on a GPU, and float32 on a CPU, which computes half precision slowly.

    Raises:
        UserError: it is neither a local folder nor on the Hub, is gated, or cannot be read.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    options = dict(params["model_config"])
    if options.get("dtype", "auto") == "auto" and device() == "cpu":
        options["dtype"] = torch.float32
    if is_quantized(params):
        given = {key: value for key, value in params["quantization"].items() if key != "enabled"}
        options["quantization_config"] = BitsAndBytesConfig(**given)
    if options.get("device_map") is None:
        options["device_map"] = {"": device()}
    with explain("model", params["model"]):
        return AutoModelForCausalLM.from_pretrained(params["model"], **options)


def add_adapter(model: "PreTrainedModel", params: dict[str, Any]) -> "PeftModel":
    """A new adapter, LoRA or prompt tuning, on the base model; only the adapter is trained."""
    from peft import LoraConfig, PromptTuningConfig, get_peft_model, prepare_model_for_kbit_training

    if is_quantized(params):
        checkpointing = bool(params["train"].get("gradient_checkpointing"))
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing)
    if params["lora"]["enabled"]:
        config = LoraConfig(**_given(params["lora"]))
    else:
        given = _given(params["prompt_tuning"])
        given.setdefault("tokenizer_name_or_path", params["tokenizer"] or params["model"])
        config = PromptTuningConfig(**given)
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise UserError(f"the adapter does not fit {params['model']}: {error}") from error


def _given(section: dict[str, Any]) -> dict[str, Any]:
    options = {key: value for key, value in section.items() if key != "enabled"}
    return {"task_type": "CAUSAL_LM", **options}


def save_adapter(model: "PeftModel", folder: Path) -> None:
    """Saves the adapter so that the same adapter is the same bytes.

    PEFT writes sets in an order that changes from process to process, and a model card that carries
    versions: the sets are sorted, the card is left out.
    """
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for key in ("target_modules", "modules_to_save", "exclude_modules"):
        if isinstance(config.get(key), list):
            config[key] = sorted(config[key])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_adapter(model: "PreTrainedModel", folder: Path, params: dict[str, Any]) -> "PreTrainedModel":
    """The tuned model. LoRA is merged into weights that are not quantized, which is exact to rounding and faster."""
    from peft import PeftModel

    tuned = PeftModel.from_pretrained(model, folder)
    if params["lora"]["enabled"] and not is_quantized(params):
        return tuned.merge_and_unload()
    return tuned
