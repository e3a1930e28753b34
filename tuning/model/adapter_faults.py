"""The section ``lora``, compared with the model before it is changed.

PEFT passes over names that a model does not have, and merges wrongly where weights are shared, without a word.
"""

import copy
import difflib
import json
import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from tuning.core.errors import UserError, doing

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import PreTrainedModel

_SHOWN = 12  # names of modules in a message
_ALL = "all-linear"


def check_base(name: str, folder: Path) -> None:
    """Compares the model with the one that an adapter was trained from; PEFT puts it onto any model of the same shape.

    Of two local folders the paths are compared, else the last part of the names: the same model may have been moved, or
    may lie on the Hub or in its cache.

    Args:
        name: of the model, a Hub id or a local folder.
        folder: the adapter's.

    Raises:
        UserError: they are of different names.
    """
    file = folder / "adapter_config.json"
    if not file.is_file():
        return  # loading it says so
    with doing(f"reading {file}"):
        trained = json.loads(file.read_text(encoding="utf-8")).get("base_model_name_or_path")
    if trained and not _is_same(Path(trained), Path(name)):
        raise UserError(
            f"{folder} was trained from {trained!r}, but 'model' is {name!r}: set 'model' to the former, or bring this "
            f"model's adapter back (`dvc checkout`, `dvc repro`); if both are one model, write the new name into {file}"
        )


def _is_same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve() if one.is_dir() and other.is_dir() else _last(one) == _last(other)


def _last(name: Path) -> str:
    """The last part of a name, without case; of a snapshot in the Hub's cache, that of its id."""
    cached = name.parent.parent.name if name.parent.name == "snapshots" else name.name
    return cached.rpartition("--")[2].lower()


def check_lora(model: "PreTrainedModel", lora: "LoraConfig", beside_prompt_tuning: bool) -> None:
    """Looks for what nothing in the model has, and for what could not be merged into its weights, or not be saved.

    Args:
        model: as it is before LoRA's layers are put into it; it may have no data.
        beside_prompt_tuning: whether both are trained at once.

    Raises:
        UserError: there is such a name, pattern, number or module.
    """
    _check_names(model, lora)
    _check_embeddings(model, lora, beside_prompt_tuning)
    if lora.lora_bias:
        _check_biases(model, lora)


def _check_names(model: "PreTrainedModel", lora: "LoraConfig") -> None:
    """Names, patterns and numbers of layers that nothing in the model has."""
    modules = [name for name, _ in model.named_modules(remove_duplicate=False) if name]
    parameters = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    for key, given, owners, has in (
        ("target_modules", None if _is_all(lora) else lora.target_modules, modules, _ends_with),
        ("exclude_modules", lora.exclude_modules, modules, _ends_with),
        ("modules_to_save", lora.modules_to_save, modules, str.endswith),  # as PEFT has it, without a point
        ("target_parameters", lora.target_parameters, parameters, _ends_with),
        ("trainable_token_indices", _embeddings(lora), modules, str.endswith),
    ):
        if isinstance(given, str):
            _check_whole_pattern(key, given, modules)
            continue
        for name in sorted(given or ()):
            if not any(has(owner, name) for owner in owners):
                raise _unknown(key, name, owners)
    if lora.target_modules:  # else PEFT chooses them by the model's kind
        _check_layers(lora, modules)
    _check_tokens(model, lora)
    targeted = _targeted(model, lora)
    targeted += [each for each in parameters if any(_ends_with(each, name) for name in lora.target_parameters or ())]
    for key in ("rank_pattern", "alpha_pattern"):
        _check_pattern(key, getattr(lora, key) or {}, targeted)


def _check_embeddings(model: "PreTrainedModel", lora: "LoraConfig", beside_prompt_tuning: bool) -> None:
    """LoRA of the embeddings, which prompt tuning would bypass, or of weights that embeddings and head share.

    Merged into shared weights, what one of the two has learnt would change the other.
    """
    embeddings, head = model.get_input_embeddings(), model.get_output_embeddings()
    shared = head is not None and head.weight is embeddings.weight
    for name in _targeted(model, lora):
        module = model.get_submodule(name)
        if shared and module in (embeddings, head):
            problem = f"head and embeddings share their weights, which cannot take up what {name!r} alone learns"
            advice = "remove it, or name it in 'lora.modules_to_save'"
            raise UserError(f"params.yaml, 'lora.target_modules': {problem}: {advice}")
        if beside_prompt_tuning and module is embeddings:
            raise UserError(f"params.yaml, 'lora.target_modules': prompt tuning goes past {name!r}: remove it")


def _check_biases(model: "PreTrainedModel", lora: "LoraConfig") -> None:
    for name in _targeted(model, lora):
        if getattr(model.get_submodule(name), "bias", None) is None:
            problem = f"{name!r} has no bias, so LoRA's cannot be merged into it"
            raise UserError(f"params.yaml, 'lora.lora_bias': {problem}: set it to false")


def _ends_with(owner: str, name: str) -> bool:
    return f".{owner}".endswith(f".{name}")


def _check_whole_pattern(key: str, pattern: str, modules: list[str]) -> None:
    """A text, which PEFT takes for a pattern that a module's whole name matches."""
    compiled = _compiled(key, pattern)
    if not any(map(compiled.fullmatch, modules)):
        problem = f"no module's whole name, such as {max(modules, key=_depth)!r}, matches the pattern {pattern!r}"
        raise UserError(f"params.yaml, 'lora.{key}': {problem}; a list, [{pattern}], takes ends of names")


def _depth(name: str) -> int:
    return name.count(".")


def _compiled(key: str, pattern: str) -> re.Pattern:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UserError(f"params.yaml, 'lora.{key}': {pattern!r} is no regular expression ({error})") from None


def _embeddings(lora: "LoraConfig") -> Iterable[str]:
    given = lora.trainable_token_indices
    return given if isinstance(given, dict) else ()


def _check_tokens(model: "PreTrainedModel", lora: "LoraConfig") -> None:
    """Token ids of ``trainable_token_indices``."""
    given, size = lora.trainable_token_indices or (), model.get_input_embeddings().weight.shape[0]
    for number in [each for ids in given.values() for each in ids] if isinstance(given, dict) else given:
        if not isinstance(number, int) or not 0 <= number < size:
            raise UserError(
                f"params.yaml, 'lora.trainable_token_indices': {number!r} is no token: the model's are 0 to {size - 1}"
            )


def _check_layers(lora: "LoraConfig", modules: list[str]) -> None:
    """The numbers of ``layers_to_transform``, as PEFT finds them in names."""
    from peft.tuners.tuners_utils import check_target_module_exists

    given = lora.layers_to_transform
    for number in [given] if isinstance(given, int) else given or ():
        only = copy.copy(lora)
        only.layers_to_transform, only.exclude_modules, only.modules_to_save = [number], None, None
        if not any(check_target_module_exists(only, name) for name in modules):
            where = f" below {lora.layers_pattern!r} ('lora.layers_pattern')" if lora.layers_pattern else ""
            raise UserError(
                f"params.yaml, 'lora.layers_to_transform': no module of 'lora.target_modules' is in a layer {number}"
                f"{where}; the layers of the model are numbered from 0 to {_last_layer(modules)}"
            )


def _last_layer(modules: list[str]) -> int:
    return max((int(part) for name in modules for part in name.split(".") if part.isdecimal()), default=0)


def _is_all(lora: "LoraConfig") -> bool:
    return isinstance(lora.target_modules, str) and lora.target_modules.lower() == _ALL


def _targeted(model: "PreTrainedModel", lora: "LoraConfig") -> list[str]:
    """The modules that get LoRA's matrices; none where PEFT chooses them by the model's kind."""
    import torch
    from peft.tuners.tuners_utils import check_target_module_exists
    from transformers.pytorch_utils import Conv1D

    if not lora.target_modules:
        return []
    lora, kinds, head = copy.copy(lora), (torch.nn.Linear, Conv1D), model.get_output_embeddings()
    if _is_all(lora):
        lora.target_modules = {name for name, each in model.named_modules() if isinstance(each, kinds)}
        lora.target_modules -= {name for name, each in model.named_modules() if each is head}
    return [name for name, _ in model.named_modules() if name and check_target_module_exists(lora, name)]


def _check_pattern(key: str, patterns: Collection[str], targeted: list[str]) -> None:
    for pattern in patterns:
        _compiled(key, pattern)
        if targeted and not any(re.match(rf"(.*\.)?({pattern})$", name) for name in targeted):
            raise _unknown(key, pattern, targeted)


def _unknown(key: str, name: str, owners: list[str]) -> UserError:
    """The error for a name, with the nearest that there are."""
    what, parts = ("parameter", 2) if key == "target_parameters" else ("module", 1)
    last = list(dict.fromkeys(".".join(owner.split(".")[-parts:]) for owner in owners))
    last = [each for each in last if not each.isdecimal()]
    near = difflib.get_close_matches(".".join(name.split(".")[-parts:]), last, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(last[:_SHOWN])}"
    extent = " of 'lora.target_modules'" if key.endswith("_pattern") else ""
    return UserError(f"params.yaml, 'lora.{key}': the model has no {what}{extent} named {name!r}; {hint}")
