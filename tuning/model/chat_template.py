"""Tokenizer and chat template: how a conversation becomes the tokens of a prompt and its completion."""

import functools
import json
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuning.config.params import Params
from tuning.config.references import is_hub_id
from tuning.core.errors import UserError
from tuning.model.faults import check_tokenizer_files
from tuning.model.hub import borrow, explain
from tuning.model.rendering import Message, check_template, rendered, rendered_prompt
from tuning.model.special_tokens import Marked, marked

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

DEFAULT_TEMPLATE = Path(__file__).with_name("chatml.jinja")
_SPACES = ("Ġ", "▁")  # as vocabularies write the space before a word
_OPENED = re.compile(r"<(think|thinking|thought|reasoning)>\s*$")  # thoughts, at the end of a prompt
_ENDED = re.compile("</(think|thinking|thought|reasoning)>", re.IGNORECASE)


@dataclass(frozen=True)
class Tokens:
    """Token ids of one row; the model reads ``prompt`` and is trained to write ``completion``."""

    prompt: list[int]
    completion: list[int]


def load_tokenizer(params: Params, name: str | None = None) -> "PreTrainedTokenizerBase":
    """A tokenizer; the one that ``tokenizer``, or else ``model``, names, unless another ``name`` is given.

    It always has a chat template (its own, or ChatML) and a pad token that is not its end token, so
    that masking the padding never masks the end.

    Raises:
        UserError: it is neither a local folder nor on the Hub, cannot be had, has no end token, or its template
            cannot be used.
    """
    from transformers import AutoTokenizer

    name = name or params.tokenizer or params.model
    borrow(name)
    check_tokenizer_files(name, params.tokenizer_config.arguments)
    with explain("tokenizer", name):
        tokenizer = AutoTokenizer.from_pretrained(
            name, **{"trust_remote_code": False} | params.tokenizer_config.arguments
        )
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise UserError(
            f"tokenizer {name!r} has no files of a tokenizer: set 'tokenizer' to the one that belongs to the model"
        )
    for how in ("is_local", "local_files_only", "revision"):  # how it was found, which must not be saved with it
        tokenizer.init_kwargs.pop(how, None)
    if tokenizer.chat_template is None:
        warnings.warn(f"{name} has no chat template: using ChatML ({DEFAULT_TEMPLATE.name})", stacklevel=2)
        tokenizer.chat_template = _chatml()
    if tokenizer.eos_token is None:
        ends = end_tokens(tokenizer)
        if not ends:
            raise UserError(
                f"tokenizer {name!r} has no end token: set 'tokenizer_config.eos_token' to one of its tokens"
            )
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(ends[0])
    if tokenizer.pad_token is None or tokenizer.pad_token == tokenizer.eos_token:
        tokenizer.pad_token = _pad_token(tokenizer)
    check_template(tokenizer, name)
    return tokenizer


def has_own_template(params: Params, tokenizer: "PreTrainedTokenizerBase") -> bool:
    """Whether a chat template is stored with the model, in its own folder or repository; it may be ChatML too.

    One that comes from elsewhere with ``tokenizer`` does not count, unless the model is a server's alone. Where the Hub
    cannot be reached, its cache counts.

    Args:
        tokenizer: as ``load_tokenizer`` has loaded it.

    Raises:
        UserError: the Hub refuses the model, or its tokenizer_config.json is damaged.
    """
    name, arguments = params.model, params.model_config.arguments
    borrow(name)
    if params.tokenizer is None or not (Path(name).exists() or is_hub_id(name)):
        return tokenizer.chat_template is not _chatml()
    with explain("model", name):
        if _stored_file(name, "chat_template.jinja", arguments):
            return True
        config = _stored_file(name, "tokenizer_config.json", arguments)
        return config is not None and bool(json.loads(config.read_text(encoding="utf-8")).get("chat_template"))


@functools.cache
def _chatml() -> str:
    """The template that stands in for none: always this one object, which an equal one that a model has is not."""
    return DEFAULT_TEMPLATE.read_text(encoding="utf-8")


def _stored_file(name: str, file: str, arguments: dict[str, Any]) -> Path | None:
    """A file of a folder or of a repository of the Hub; None where it has none."""
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    if Path(name).exists():
        path = Path(name, arguments.get("subfolder") or "", file)
        return path if path.is_file() else None
    where = {key: arguments.get(key) for key in ("cache_dir", "revision", "subfolder")}
    only_here = constants.HF_HUB_OFFLINE or bool(arguments.get("local_files_only"))
    try:
        return Path(hf_hub_download(name, file, local_files_only=only_here, **where))
    except EntryNotFoundError as error:
        if isinstance(error, LocalEntryNotFoundError) and not only_here:
            raise  # the Hub has not answered
        return None


def _pad_token(tokenizer: "PreTrainedTokenizerBase") -> str:
    """A token of the vocabulary that never ends a turn; padding is masked, so its meaning is free.

    The first choice is a padding or reserved token, then the unknown or first token, then the last of the vocabulary
    that begins with a space, which is rare. No text holds the sign that stands for its space, so that a saved tokenizer
    reads texts as before. Answers keep it where it is not padding, see ``tuning.generation.answer_text``.
    """
    reserved = [token for token in tokenizer.get_added_vocab() if "pad" in token.lower() or "reserved" in token.lower()]
    for token in [*reserved, tokenizer.unk_token, tokenizer.bos_token]:
        if token and token != tokenizer.eos_token:
            return token
    by_id = sorted(tokenizer.get_vocab().items(), key=lambda item: -item[1])
    ordinary = [token for token, _ in by_id if token != tokenizer.eos_token]
    return next((token for token in ordinary if token[:1] in _SPACES and len(token) > 1), ordinary[0])


def well_formed(text: str) -> str:
    """The text with U+FFFD for what UTF-8 cannot hold: halves of surrogate pairs, as cut emoji leave them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def prompt_tokens(tokenizer: "PreTrainedTokenizerBase", messages: list[Message]) -> list[int]:
    """Token ids of a conversation up to where the assistant's next turn starts.

    Special tokens come from the template only; their texts in what is said are text.
    """
    said = _marked(tokenizer, messages)
    return said.ids(rendered_prompt(tokenizer, said.messages))


def row_tokens(tokenizer: "PreTrainedTokenizerBase", prompt: list[Message], completion: list[Message]) -> Tokens:
    """Token ids of a row, the completion's beginning exactly where generation starts.

    The completion ends with the token that ends a turn; what a template adds after it is left out,
    since generation stops there too. Special tokens' texts in what is said are text.
    """
    said = _marked(tokenizer, prompt + completion)
    before, whole = rendered_prompt(tokenizer, said.messages[: len(prompt)]), rendered(tokenizer, said.messages)
    asked = said.ids(before)
    if not whole.startswith(before):  # some templates write the start of a turn differently once it has an answer
        whole = before + _continued(before, said.messages[-1]["content"])
    together = said.ids(whole)
    # The answer goes on from the prompt, as when it is generated: some tokenizers begin every text with a space.
    goes_on = together[: len(asked)] == asked
    ids = together[len(asked) :] if goes_on else said.ids(whole[len(before) :])
    ends, written = end_tokens(tokenizer), ids
    while ids and ids[-1] not in ends and not tokenizer.decode(ids[-1:]).strip():
        ids = ids[:-1]
    if ids and ids[-1] not in ends:
        ids = _up_to_end(said, whole, written, ends) or ids
    if not ids or ids[-1] not in ends:
        ids = [*ids, tokenizer.eos_token_id]
    return Tokens(asked, ids)


def _up_to_end(said: Marked, whole: str, ids: list[int], ends: list[int]) -> list[int] | None:
    """The ids up to the end token after the answer; None without one. Some templates begin a next turn after it."""
    _, answer, rest = whole.rpartition(said.messages[-1]["content"].strip() or " ")
    after = said.ids(rest) if answer else []
    end = next((place for place, token in enumerate(after) if token in ends), None)
    if end is None or len(after) > len(ids) or ids[end - len(after)] not in ends:
        return None
    return ids[: len(ids) - len(after) + end + 1]


def _marked(tokenizer: "PreTrainedTokenizerBase", messages: list[Message]) -> Marked:
    messages = [message | {"content": well_formed(message["content"])} for message in messages]
    return marked(tokenizer, messages)


def _continued(before: str, answer: str) -> str:
    """The answer as it goes on from a prompt; thoughts that the prompt has begun are not begun again.

    An answer without thoughts ends them at once.
    """
    begun = _OPENED.search(before)
    if begun is None:
        return answer
    begin, end = f"<{begun[1]}>", f"</{begun[1]}>"
    if begin not in answer and end in answer:
        return answer
    if answer.startswith(begin):
        return answer.removeprefix(begin).lstrip()
    return f"\n{end}\n\n{answer}"


def with_thoughts_opened(before: str, answer: str) -> str:
    """An answer to a prompt that has opened thoughts, with their tag before it where it does not end them.

    Where it does, the end tag shows that it begins with thoughts.

    Args:
        before: the prompt's end.
    """
    begun = _OPENED.search(before)
    return answer if begun is None or not answer.strip() or _ENDED.search(answer) else begun[0] + answer


def text_tokens(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """Token ids of a text by itself; special tokens' texts in it are text."""
    said = _marked(tokenizer, [{"role": "user", "content": text}])
    return said.ids(said.messages[0]["content"])


def names_special_tokens(tokenizer: "PreTrainedTokenizerBase", messages: list[Message]) -> bool:
    """Whether special tokens' texts stand in what is said."""
    return bool(_marked(tokenizer, messages).texts)


def end_tokens(tokenizer: "PreTrainedTokenizerBase") -> list[int]:
    """The ids at which a turn ends: the end token, and the end-of-turn token of the common templates.

    Where turns have channels, as those of gpt-oss, ``<|end|>`` ends the thoughts, after which the answer comes.
    """
    vocabulary = _added_tokens(tokenizer, len(tokenizer))
    names = ["<|im_end|>", "<|eot_id|>", "<end_of_turn>", *([] if "<|channel|>" in vocabulary else ["<|end|>"])]
    return sorted({tokenizer.eos_token_id, *(vocabulary[name] for name in names if name in vocabulary)} - {None})


@functools.lru_cache(maxsize=4)
def _added_tokens(tokenizer: "PreTrainedTokenizerBase", size: int) -> dict[str, int]:
    """The tokens that were added to the vocabulary; Gemma has 6,000. ``size`` changes where more are added."""
    return tokenizer.get_added_vocab()
