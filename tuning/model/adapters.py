"""Makes, saves and loads what is trained: LoRA, prompt tuning, both at once, or the whole model.

In ``models/adapter`` LoRA or prompt tuning stand as PEFT saves them. Of both, prompt tuning stands there
and LoRA in the folder ``lora`` below it, each a PEFT adapter that can be loaded alone. A model that was
trained whole stands there as an ordinary Hugging Face folder.
"""

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.config.params import Params
from tuning.core.errors import UserError, doing
from tuning.model.adapted_layers import beside_text, is_quantized, leave_out, text_parts, without_experts
from tuning.model.adapter_faults import check_base, check_lora
from tuning.model.architectures import architecture
from tuning.model.base_model import load_model
from tuning.model.model_spec import ModelSpec

if TYPE_CHECKING:
    from peft import LoraConfig, PromptTuningConfig
    from transformers import PreTrainedModel

ADAPTER = Path("models/adapter")
LORA = "lora"


def check_trained(otherwise: str = "") -> None:
    """Raises an error if the result of train is missing.

    Args:
        otherwise: the end of the message, which says what works without it.

    Raises:
        UserError: it is not there.
    """
    if not ADAPTER.is_dir():
        raise UserError(f"{ADAPTER} is not here: `dvc repro` trains it, `dvc pull` fetches it{otherwise}")


@dataclass(frozen=True)
class AdapterSpec:
    """What is trained: LoRA, prompt tuning, both, or, where both are None, all weights of the model."""

    lora: "LoraConfig | None"
    prompt_tuning: "PromptTuningConfig | None"

    @property
    def whole(self) -> bool:
        """Whether all weights are trained."""
        return self.lora is None and self.prompt_tuning is None

    @property
    def virtual_tokens(self) -> int:
        """Tokens that prompt tuning puts before each row."""
        return 0 if self.prompt_tuning is None else self.prompt_tuning.num_virtual_tokens


def adapter_spec(params: Params) -> AdapterSpec:
    """The sections ``lora`` and ``prompt_tuning`` as PEFT's configurations.

    The text that prompt tuning starts from is tokenised as the model's prompts are.

    Raises:
        UserError: PEFT refuses the values.
    """
    from peft import LoraConfig, PromptTuningConfig

    lora, prompt_tuning = None, None
    task = {"task_type": "CAUSAL_LM"}
    try:
        if params.lora.enabled:
            lora = LoraConfig(**task | params.lora.arguments)
        if params.prompt_tuning.enabled:
            given = {"tokenizer_name_or_path": params.tokenizer or params.model} | params.prompt_tuning.arguments
            revision = params.tokenizer_config.arguments.get("revision")
            if revision and given.get("prompt_tuning_init") == "TEXT":
                given.setdefault("tokenizer_kwargs", {"revision": revision})
            prompt_tuning = PromptTuningConfig(**task | given)
    except (TypeError, ValueError) as error:
        section = "lora" if lora is None and params.lora.enabled else "prompt_tuning"
        raise UserError(f"{section!r}: {error}") from error
    return AdapterSpec(lora, prompt_tuning)


def lora_rank(params: Params) -> int:
    """The greatest rank of LoRA's matrices."""
    given = params.lora.arguments
    return max([given.get("r") or 8, *(given.get("rank_pattern") or {}).values()])


def kind(params: Params) -> str:
    """In words, what is trained."""
    names = [("LoRA", params.lora), ("prompt tuning", params.prompt_tuning)]
    return " and ".join(name for name, section in names if section.enabled) or "all weights"


def add_adapter(
    model: "PreTrainedModel", spec: ModelSpec, adapter: AdapterSpec, checkpointing: bool
) -> "PreTrainedModel":
    """The base model with a new adapter, and only the adapter trainable; without one, all weights are.

    Args:
        spec: how the model was loaded.
        checkpointing: whether gradients will be checkpointed.

    Raises:
        UserError: the adapter does not fit the model.
    """
    from peft import get_peft_model, inject_adapter_in_model, prepare_model_for_kbit_training

    if adapter.whole:
        model.requires_grad_(False)
        for part in text_parts(model):
            part.requires_grad_(True)
        return model
    if is_quantized(model):
        with without_experts(model):
            model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing)
    # PEFT writes what it finds out about the model into the configurations.
    lora, prompt_tuning = copy.deepcopy(adapter.lora), copy.deepcopy(adapter.prompt_tuning)
    if lora is not None:
        leave_out(lora, beside_text(model))
        if lora.target_modules == "all-linear":
            leave_out(lora, architecture(spec.config.model_type).without_lora)
        check_lora(model, lora, prompt_tuning is not None)
    try:
        if prompt_tuning is None:
            return get_peft_model(model, lora)
        if lora is not None:
            model = inject_adapter_in_model(lora, model)
        tuned = get_peft_model(model, prompt_tuning)
    except (ValueError, RuntimeError) as error:
        raise UserError(f"the adapter does not fit {spec.name}: {' '.join(str(error).split())}") from error
    if lora is not None:  # prompt tuning has frozen everything else
        for parameter in lora_parameters(tuned).values():
            parameter.data = parameter.data.float()
            parameter.requires_grad_(True)
    return tuned


def lora_parameters(model: "PreTrainedModel") -> dict[str, Any]:
    """LoRA's matrices by name."""
    return {name: parameter for name, parameter in model.named_parameters() if "lora_" in name}


def parameter_counts(model: "PreTrainedModel") -> tuple[int, int]:
    """The numbers of trainable parameters and of the base model's; a 4-bit weight counts as one parameter.

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
    model: "PreTrainedModel",
    folder: Path,
    spec: ModelSpec,
    adapter: AdapterSpec,
    weights: dict[str, Any] | None = None,
) -> None:
    """Saves what was trained; equal adapters give equal bytes.

    Args:
        weights: the full weights by name, where the model holds only a shard of them.
    """
    model.save_pretrained(folder, **({} if weights is None else {"state_dict": weights}))
    if adapter.lora and adapter.prompt_tuning:
        config = copy.deepcopy(adapter.lora)
        config.base_model_name_or_path = spec.name
        config.inference_mode = True
        _save_lora(weights or lora_parameters(model), folder / LORA, config)
    for config in folder.rglob("adapter_config.json"):
        _make_stable(config)


def _save_lora(weights: dict[str, Any], folder: Path, config: "LoraConfig") -> None:
    """LoRA below prompt tuning, in PEFT's own format and names."""
    from safetensors.torch import save_file

    folder.mkdir()
    matrices = {
        "base_model.model." + name.removeprefix("base_model.").replace(".default", ""): parameter.detach().cpu()
        for name, parameter in weights.items()
        if "lora_" in name
    }
    save_file(dict(sorted(matrices.items())), folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)


def _make_stable(path: Path) -> None:
    """Makes PEFT's files repeatable: sorts its sets, whose order changes from run to run, and removes its card."""
    (path.parent / "README.md").unlink(missing_ok=True)
    config = json.loads(path.read_text(encoding="utf-8"))
    for key in ("target_modules", "modules_to_save", "exclude_modules"):
        if isinstance(config.get(key), list):
            config[key] = sorted(config[key])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def load_tuned(spec: ModelSpec, adapter: AdapterSpec, folder: Path = ADAPTER) -> "PreTrainedModel":
    """The base model with what was trained.

    LoRA is merged into weights that are not quantized, which is exact to rounding, and faster.

    Raises:
        UserError: the base model or the adapter cannot be loaded, or the adapter is of another base model.
    """
    if adapter.whole:
        return load_model(spec, str(folder))
    check_base(spec.name, folder)
    model = load_model(spec)
    if adapter.lora:
        model = _with_adapter(model, folder / LORA if adapter.prompt_tuning else folder)
        quantized = is_quantized(model.get_base_model())
        model = model if quantized else model.merge_and_unload()
    if adapter.prompt_tuning:
        model = _with_adapter(model.get_base_model() if adapter.lora and quantized else model, folder)
    return model


def _with_adapter(model: "PreTrainedModel", folder: Path) -> "PreTrainedModel":
    from peft import PeftModel

    with doing(f"loading {folder} (`dvc checkout` brings back what was trained)"):
        return PeftModel.from_pretrained(model, folder)
