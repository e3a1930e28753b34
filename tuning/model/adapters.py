"""What is trained: LoRA, prompt tuning, both at once, or the whole model; made, saved, and put back.

In ``models/adapter`` LoRA or prompt tuning stand as PEFT saves them. Of both, prompt tuning stands there
and LoRA in the folder ``lora`` below it, each a PEFT adapter that can be loaded alone. A model that was
trained whole stands there as an ordinary Hugging Face folder.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.core.errors import UserError
from tuning.model.base_model import is_quantized, load_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ADAPTER = Path("models/adapter")
LORA = "lora"


def check_trained(otherwise: str = "") -> None:
    """Asks for what train makes.

    Args:
        otherwise: what can be done without it, to end the message with.

    Raises:
        UserError: it is not there.
    """
    if not ADAPTER.is_dir():
        raise UserError(f"{ADAPTER} is not here: `dvc repro` trains it, `dvc pull` fetches it{otherwise}")


def kind(params: dict[str, Any]) -> str:
    """In words, what is trained."""
    names = [name for name, key in (("LoRA", "lora"), ("prompt tuning", "prompt_tuning")) if params[key]["enabled"]]
    return " and ".join(names) or "all weights"


def add_adapter(model: "PreTrainedModel", params: dict[str, Any]) -> "PreTrainedModel":
    """The base model with a new adapter, only which is trained; without one enabled, the whole model is.

    Raises:
        UserError: the adapter does not fit the model.
    """
    from peft import get_peft_model, inject_adapter_in_model, prepare_model_for_kbit_training

    lora, prompt_tuning = params["lora"]["enabled"], params["prompt_tuning"]["enabled"]
    if not lora and not prompt_tuning:
        return model.requires_grad_(True)
    if is_quantized(params):
        checkpointing = bool(params["train"].get("gradient_checkpointing"))
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing)
    try:
        if not prompt_tuning:
            return get_peft_model(model, lora_config(params))
        if lora:
            model = inject_adapter_in_model(lora_config(params), model)
        tuned = get_peft_model(model, prompt_tuning_config(params))
    except (ValueError, RuntimeError) as error:
        raise UserError(f"the adapter does not fit {params['model']}: {error}") from error
    if lora:  # prompt tuning has frozen everything else
        for parameter in lora_parameters(tuned).values():
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
    return tuned


def lora_config(params: dict[str, Any]):
    """The section ``lora`` as PEFT's configuration."""
    from peft import LoraConfig

    return LoraConfig(**_given(params["lora"]))


def prompt_tuning_config(params: dict[str, Any]):
    """The section ``prompt_tuning`` as PEFT's configuration; a text is tokenised as the model's prompts are."""
    from peft import PromptTuningConfig

    name = params["tokenizer"] or params["model"]
    return PromptTuningConfig(**{"tokenizer_name_or_path": name, **_given(params["prompt_tuning"])})


def lora_parameters(model: "PreTrainedModel") -> dict[str, Any]:
    """LoRA's matrices by name."""
    return {name: parameter for name, parameter in model.named_parameters() if "lora_" in name}


def parameter_counts(model: "PreTrainedModel") -> tuple[int, int]:
    """Trainable parameters, and those of the base model, of which four quantized bits count as one.

    bitsandbytes packs two 4-bit weights into a byte; PEFT's rule for counting them is followed.
    """
    trainable = total = 0
    for name, parameter in model.named_parameters():
        count = parameter.numel()
        if parameter.__class__.__name__ == "Params4bit":
            count *= 2 * parameter.element_size()
        trainable += count if parameter.requires_grad else 0
        if not ("lora_" in name or "prompt_encoder" in name):
            total += count
    return trainable, total


def save_adapter(
    model: "PreTrainedModel", folder: Path, params: dict[str, Any], weights: dict[str, Any] | None = None
) -> None:
    """Saves what was trained, so that the same adapter is the same bytes.

    Args:
        weights: the model's weights by name, where the model itself holds only a part of them.
    """
    model.save_pretrained(folder, **({} if weights is None else {"state_dict": weights}))
    if params["lora"]["enabled"] and params["prompt_tuning"]["enabled"]:
        _save_lora(weights or lora_parameters(model), folder / LORA, params)
    for config in folder.rglob("adapter_config.json"):
        _make_stable(config)


def _save_lora(weights: dict[str, Any], folder: Path, params: dict[str, Any]) -> None:
    """LoRA below prompt tuning, in PEFT's own format and names."""
    from safetensors.torch import save_file

    folder.mkdir()
    matrices = {
        "base_model.model." + name.removeprefix("base_model.").replace(".default", ""): parameter.detach().cpu()
        for name, parameter in weights.items()
        if "lora_" in name
    }
    save_file(dict(sorted(matrices.items())), folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = lora_config(params)
    config.base_model_name_or_path = params["model"]
    config.inference_mode = True
    config.save_pretrained(folder)


def _make_stable(path: Path) -> None:
    """PEFT writes sets in an order that changes from process to process, and a card that carries versions."""
    (path.parent / "README.md").unlink(missing_ok=True)
    config = json.loads(path.read_text(encoding="utf-8"))
    for key in ("target_modules", "modules_to_save", "exclude_modules"):
        if isinstance(config.get(key), list):
            config[key] = sorted(config[key])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_adapter(model: "PreTrainedModel", folder: Path, params: dict[str, Any]) -> "PreTrainedModel":
    """The tuned model, from the base model. The base model must not be used afterwards.

    LoRA is merged into weights that are not quantized, which is exact to rounding, and faster.
    """
    from peft import PeftModel

    lora, prompt_tuning = params["lora"]["enabled"], params["prompt_tuning"]["enabled"]
    if not lora and not prompt_tuning:
        return load_model({**params, "model": str(folder)})
    if lora:
        model = PeftModel.from_pretrained(model, folder / LORA if prompt_tuning else folder)
        model = model if is_quantized(params) else model.merge_and_unload()
    if prompt_tuning:
        model = PeftModel.from_pretrained(model.get_base_model() if lora and is_quantized(params) else model, folder)
    return model


def _given(section: dict[str, Any]) -> dict[str, Any]:
    return {"task_type": "CAUSAL_LM", **{key: value for key, value in section.items() if key != "enabled"}}
