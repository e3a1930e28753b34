"""Writes the tuned model for others to use: a Hugging Face folder with a model card, or a repository of the Hub.

    python -m stages.export FOLDER                       the whole model, LoRA merged into its weights
    python -m stages.export FOLDER --adapter             the adapter alone, as PEFT loads it
    python -m stages.export FOLDER --push NAME/MODEL     either of them, to the Hub as well

`dvc exp run -S model=FOLDER` goes on from the whole model. Prompt tuning has no weights to merge into: it is
exported with --adapter.
"""

import argparse
import shutil
from pathlib import Path

from tuning.config.params import Params, read_params
from tuning.core.command import run
from tuning.core.errors import UserError, doing
from tuning.core.files import new_folder, write_bytes
from tuning.model.adapter_faults import check_base
from tuning.model.adapters import ADAPTER, adapter_spec, check_trained, load_tuned
from tuning.model.chat_template import end_tokens, load_tokenizer
from tuning.model.commits import pinned
from tuning.model.hub import explain
from tuning.model.hub_connection import connect
from tuning.model.model_spec import model_spec
from tuning.model.stored_ends import as_ids, stored_ends
from tuning.report import model_card


def main(arguments: argparse.Namespace) -> None:
    params = pinned(read_params())
    check(arguments, params)
    repository = checked_repository(arguments.push) if arguments.push else None
    with doing(f"writing {arguments.folder}"), new_folder(arguments.folder) as folder:
        if arguments.adapter:
            check_base(params.model, ADAPTER)
            shutil.copytree(ADAPTER, folder, dirs_exist_ok=True)
            ends = ends_to_pass(params)
        else:
            save_whole(folder, params)
            ends = []
        card = str(model_card.card(params, arguments.adapter, ends))
        write_bytes(folder / "README.md", card.encode("utf-8", "backslashreplace"))  # without secrets
    print(f"{arguments.folder}: {'the adapter' if arguments.adapter else 'the model'}, its tokenizer and its card")
    if repository:
        push(arguments.folder, repository, arguments.private)


def check(arguments: argparse.Namespace, params: Params) -> None:
    """Raises UserError for what would fail later, before anything is loaded or written."""
    check_trained()
    if arguments.folder.exists() and not arguments.force:
        raise UserError(f"{arguments.folder} exists: name a new folder, or replace it with --force")
    check_replaced(arguments.folder, params)
    if params.full_finetuning and arguments.adapter:
        raise UserError("all weights were trained, so there is no adapter: leave --adapter out")
    if params.prompt_tuning.enabled and not arguments.adapter:
        raise UserError("prompt tuning cannot be merged into weights: export it with --adapter")


def check_replaced(folder: Path, params: Params) -> None:
    """Raises UserError where --force would replace something else than what this command has written.

    What it has written may be the base model by now, which the adapter and its next training need.
    """
    for key, name in (("model", params.model), ("tokenizer", params.tokenizer)):
        if name and Path(name).exists() and folder.resolve() in (Path(name).resolve(), *Path(name).resolve().parents):
            raise UserError(f"{folder} holds {name}, the {key} that params.yaml names: name another folder")
    written = [folder / name for name in ("config.json", "adapter_config.json")]
    if folder.resolve() == ADAPTER.resolve() or folder.resolve() in ADAPTER.resolve().parents:
        raise UserError(f"{folder} holds the project's own adapter: name another folder")
    if folder.is_dir() and any(folder.iterdir()) and not any(path.is_file() for path in written):
        raise UserError(f"{folder} holds no model, and --force would delete what it holds: name another folder")
    if folder.is_file():
        raise UserError(f"{folder} is a file: name a folder")


def save_whole(folder: Path, params: Params) -> None:
    """The tuned model in its weights' own precision; the adapter of a quantized base is merged unquantized."""
    model = load_tuned(model_spec(params).unquantized(), adapter_spec(params))
    tokenizer = load_tokenizer(params, str(ADAPTER))
    name_ends(model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def name_ends(model, tokenizer) -> None:
    """Adds the tokens that end a turn to the checkpoint's own end tokens, so that others stop where training did."""
    config = model.generation_config
    if config is None:  # of code of its own, which saves none
        return
    own = as_ids(config.eos_token_id)
    ends = sorted({*end_tokens(tokenizer), *own})
    if ends != sorted(set(own)):
        config.eos_token_id = ends[0] if len(ends) == 1 else ends
        config._from_model_config = None  # or older versions of transformers would take config.json's end token


def ends_to_pass(params: Params) -> list[int]:
    """The tokens that users of the adapter must name; none where the base's own files name all that end a turn.

    An adapter's folder has no generation_config.json that PEFT would read.
    """
    own, ends = stored_ends(params.model, params), end_tokens(load_tokenizer(params, str(ADAPTER)))
    return [] if set(ends) <= set(own) else sorted({*ends, *own})


def checked_repository(name: str) -> str:
    """The full name of the repository of the Hub to write to; it is made only when there is something to upload.

    Raises:
        UserError: the name is none, or the token has no right to it.
    """
    connect()
    from huggingface_hub import HfApi
    from huggingface_hub.utils import validate_repo_id

    with explain("repository", name):
        validate_repo_id(name)
        user = HfApi().whoami()
    owner = name.rpartition("/")[0] or user["name"]
    allowed = [user["name"], *(each["name"] for each in user.get("orgs", []))]
    if owner not in allowed:
        raise UserError(f"repository {name!r}: {user['name']} may write to {', '.join(allowed)}, and not to {owner}")
    if user.get("auth", {}).get("accessToken", {}).get("role") == "read":
        advice = "make one that may write on https://huggingface.co/settings/tokens"
        raise UserError(f"repository {name!r}: your token may only read: {advice}")
    return f"{owner}/{name.rpartition('/')[2]}"


def push(folder: Path, repository: str, private: bool) -> None:
    """Uploads the folder to the repository, which is made if it is not there.

    Raises:
        UserError: the Hub refuses it; the folder stays.
    """
    from huggingface_hub import HfApi

    try:
        with explain("repository", repository):
            HfApi().create_repo(repository, private=private, exist_ok=True)
            print(HfApi().upload_folder(repo_id=repository, folder_path=folder))
    except UserError as error:
        raise UserError(f"{error}; {folder} stays: `hf upload {repository} {folder}` tries again") from error


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--adapter", action="store_true", help="the adapter alone")
    parser.add_argument("--force", action="store_true", help="replace the folder if it exists")
    parser.add_argument("--push", metavar="NAME/MODEL", help="also upload to this repository of the Hub")
    parser.add_argument("--private", action="store_true", help="a private repository")
    parsed = parser.parse_args()
    run(lambda: main(parsed))
