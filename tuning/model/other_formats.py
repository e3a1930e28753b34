"""Folders and repositories that are named as a model and hold something else: an adapter, GGUF files, or one file."""

import json
from collections.abc import Callable
from pathlib import Path

_GGUF = (
    "is in llama.cpp's format, GGUF, which cannot be trained: name the folder or repository with the original weights "
    "(config.json and *.safetensors)"
)
_MERGE = "merge the adapter into it first (`python -m stages.export FOLDER` for this project's own, or PEFT)"


def other_format(name: str) -> str | None:
    """What a folder or repository holds in the place of a model, and what to do; None if it holds none of these."""
    path = Path(name)
    if path.suffix.lower() == ".gguf":
        return _GGUF
    if path.is_file():
        return f"is a file: name the folder that it is in, {str(path.parent)!r}"
    try:
        files = _files(name)
        if "adapter_config.json" in files and not ("config.json" in files and any(map(is_weights, files))):
            found = json.loads(files["adapter_config.json"]().read_text(encoding="utf-8"))
            base = found.get("base_model_name_or_path") or "its base model"
            return f"is an adapter of {base}, and no whole model: set 'model' to {base}, or {_MERGE}"
    except Exception:  # what stands in the way of looking is not what is wrong
        return None
    return _GGUF if "config.json" not in files and any(file.endswith(".gguf") for file in files) else None


def is_weights(file: str) -> bool:
    """Whether a file's name is one of a whole model's weights, or of their index."""
    return file.startswith(("model", "pytorch_model")) and file.endswith((".safetensors", ".bin", ".index.json"))


def _files(name: str) -> dict[str, Callable[[], Path]]:
    """The files of a folder or of a model's repository, by name, each with what gives its path."""
    if Path(name).exists():
        return {path.name: lambda path=path: path for path in Path(name).iterdir()}
    from huggingface_hub import HfApi, hf_hub_download

    return {file: lambda file=file: Path(hf_hub_download(name, file)) for file in HfApi().list_repo_files(name)}
