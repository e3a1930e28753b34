"""A checkpoint, looked at before its weights are used: whether it is a causal language model, and whole."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.core.errors import UserError
from tuning.model.other_formats import is_weights, other_format

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_HEADS = ("Classification", "QuestionAnswering", "MultipleChoice", "MaskedLM")  # ends of names of other models' classes
_ELSEWHERE = ("subfolder", "variant", "gguf_file")  # arguments with which the weights have other names
_PICKLES = (b"PK\x03\x04", b"\x80")  # how what torch.save writes begins, today and in old files
_TOKENIZERS = ("tokenizer*", "vocab*", "merges.txt", "*.model", "*.tiktoken", "tekken.json")
_POINTER = b"version https://git-lfs"
_AGAIN = "fetch it again, for example with `hf download NAME --local-dir FOLDER`"


def check_kind(name: str, config: "PreTrainedConfig") -> None:
    """Looks for models of which transformers would make a language model with random or untrained parts.

    Raises:
        UserError: it is an encoder, has an encoder, or has a head for something else than the next token.
    """
    from transformers import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
        MODEL_FOR_MASKED_LM_MAPPING,
    )

    kind, problem = config.model_type, None
    saved_as = next(iter(getattr(config, "architectures", None) or []), "")
    if getattr(config, "is_encoder_decoder", False):
        problem = f"{kind} has an encoder and a decoder"
    elif type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", True):
        problem = f"{kind} is an encoder, which reads in both directions"
    elif saved_as.endswith(_HEADS):
        problem = f"it was saved as {saved_as}"
    elif type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING and not _has_own_code(config):
        problem = f"transformers has none of the kind {kind!r}"
    if problem and type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        raise UserError(f"model {name!r} reads pictures too, and models of the kind {kind!r} are not supported here")
    if problem:
        raise UserError(f"model {name!r} is no causal language model: {problem}; name one that writes token by token")


def _has_own_code(config: "PreTrainedConfig") -> bool:
    return "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {})


def check_files(name: str, arguments: dict[str, Any]) -> None:
    """Looks for files of weights that are missing, cut or damaged in a local folder.

    Only the heads of the files are read.

    Args:
        arguments: of ``from_pretrained``.

    Raises:
        UserError: there is such a file.
    """
    folder = Path(name)
    if not folder.is_dir():
        return
    if (folder / "adapter_config.json").is_file():
        if not any(is_weights(path.name) for path in folder.iterdir()):
            return
        raise UserError(
            f"model {name!r} is a whole model with an adapter beside it, which transformers would load too: remove "
            "adapter_config.json from the folder, or merge the adapter first (PEFT's merge_and_unload)"
        )
    if any(arguments.get(key) for key in _ELSEWHERE):
        return
    for file in _files(folder):
        _check_file(file)


def check_tokenizer_files(name: str, arguments: dict[str, Any]) -> None:
    """Looks for files of a tokenizer that are missing, empty or only stand for the files in a local folder.

    Args:
        arguments: of ``from_pretrained``.

    Raises:
        UserError: there is none, or such a file.
    """
    folder = Path(name)
    if not folder.is_dir() or other_format(name) or arguments.get("gguf_file"):
        return
    folder = folder / (arguments.get("subfolder") or "")
    found = sorted({path for pattern in _TOKENIZERS for path in folder.glob(pattern) if path.is_file()})
    if not found:
        raise UserError(
            f"tokenizer {name!r} has no files of a tokenizer: set 'tokenizer' to the one that belongs to the model"
        )
    for path in found:
        _check_file(path)


def _files(folder: Path) -> list[Path]:
    """The files of weights that transformers will read, which is the first kind that is there."""
    for single in ("model.safetensors", "pytorch_model.bin"):
        if (folder / single).is_file():
            return [folder / single]
        index = folder / f"{single}.index.json"
        if index.is_file():
            return _parts(index)
    raise UserError(f"model {str(folder)!r} has no weights: model.safetensors, or its parts and an index, is missing")


def _parts(index: Path) -> list[Path]:
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{index} is damaged ({type(error).__name__}: {error}): {_AGAIN}") from None
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing:
        raise UserError(
            f"model {str(index.parent)!r}: {len(missing)} of {len(names)} files of weights are missing, "
            f"{', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}: {_AGAIN}"
        )
    return [index.parent / name for name in names]


def _check_file(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    with path.open("rb") as file:
        start = file.read(len(_POINTER))
    if start == _POINTER:
        raise UserError(f"{path} is a pointer of Git LFS and not the file itself: run `git lfs pull` in its repository")
    if not start:
        raise UserError(f"{path} is empty: {_AGAIN}")
    if path.suffix == ".bin" and not start.startswith(_PICKLES):
        raise UserError(f"{path} is cut or damaged (torch.save does not write what it begins with): {_AGAIN}")
    if path.suffix != ".safetensors":
        return
    try:
        with safe_open(path, framework="pt"):
            pass
    except SafetensorError as error:
        raise UserError(f"{path} is cut or damaged ({error}): {_AGAIN}") from None


def check_loaded(name: str, loaded: dict[str, Any]) -> None:
    """Looks for tensors that the files do not have, or have in another shape: random numbers stand in their place.

    Args:
        loaded: what ``from_pretrained`` tells with ``output_loading_info``.

    Raises:
        UserError: there is one.
    """
    for tensor, found, expected in sorted(loaded["mismatched_keys"])[:1]:
        shapes = f"is {tuple(found)} in its files and {tuple(expected)} by its config.json"
        raise UserError(f"model {name!r}: {tensor} {shapes}: take both from the same checkpoint")
    missing, others = sorted(loaded["missing_keys"]), sorted(loaded["unexpected_keys"])
    if not missing:
        return
    instead = f", and have {others[0]} and {len(others) - 1} others that it has no place for" if others else ""
    raise UserError(
        f"model {name!r}: its files lack {len(missing)} of the model's tensors, such as {missing[0]}{instead}: is it a "
        f"causal language model, and whole? If so, {_AGAIN}"
    )
