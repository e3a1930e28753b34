"""Text in which a special token's text, such as ``<|im_end|>``, is text: it neither ends nor begins a turn.

A chat template puts contents between special tokens, and tokenizers read its result as one text, in which a document
about ChatML looks like the end of a turn. Here such places in contents are marked before the template sees them.
Then the template's own special tokens get other names, which nobody can know, and a copy of the tokenizer that knows
them by these names encodes the text. Conversations without such places are encoded by the tokenizer itself.
"""

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SECRET = secrets.token_hex(8)


@dataclass(frozen=True)
class Marked:
    """A conversation whose contents hold marks in place of special tokens' texts.

    Attributes:
        messages: for the chat template.
        texts: a special token's text by its mark; empty where there is none.
    """

    tokenizer: "PreTrainedTokenizerBase"
    messages: list[dict[str, str]]
    texts: dict[str, str]

    def ids(self, rendered: str) -> list[int]:
        """Token ids of what the chat template has made of the messages, or of a part of it."""
        if not any(mark in rendered for mark in self.texts):
            return self.tokenizer(rendered, add_special_tokens=False)["input_ids"]
        special = _pattern(self.tokenizer, len(self.tokenizer))
        if getattr(self.tokenizer, "backend_tokenizer", None) is None:
            return self._ids_by_pieces(rendered, special)
        encode = _renamed_tokenizer(self.tokenizer, len(self.tokenizer))
        return encode(self._restored(special.sub(lambda match: _name(match[0]), rendered)))

    def _ids_by_pieces(self, rendered: str, special: re.Pattern) -> list[int]:
        """The same with a tokenizer of which no copy can be made: special tokens and what lies between them."""
        ids, end = [], 0
        for match in [*special.finditer(rendered), None]:
            piece = rendered[end : match.start() if match else None]
            if piece:
                options = {"add_special_tokens": False, "split_special_tokens": True}
                ids += self.tokenizer(self._restored(piece), **options)["input_ids"]
            if match:
                ids.append(self.tokenizer.convert_tokens_to_ids(match[0]))
                end = match.end()
        return ids

    def _restored(self, text: str) -> str:
        for mark, special in self.texts.items():
            text = text.replace(mark, special)
        return text


def marked(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]]) -> Marked:
    """The conversation with each special token's text in a content marked."""
    special = _pattern(tokenizer, len(tokenizer))
    if special is None or not any(special.search(message["content"]) for message in messages):
        return Marked(tokenizer, messages, {})
    texts: dict[str, str] = {}

    def mark(match: re.Match) -> str:
        found = f"mark{_SECRET}{match[0].encode().hex()}end"
        texts[found] = match[0]
        return found

    changed = [message | {"content": special.sub(mark, message["content"])} for message in messages]
    return Marked(tokenizer, changed, texts)


@lru_cache(maxsize=4)
def _pattern(tokenizer: "PreTrainedTokenizerBase", size: int) -> re.Pattern | None:
    """What matches the texts of special tokens, the longest first; ``size`` changes where tokens are added."""
    texts = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special and token.content}
    ordered = sorted(texts, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _name(text: str) -> str:
    return f"<{_SECRET}:{text.encode().hex()}>"


@lru_cache(maxsize=4)
def _renamed_tokenizer(tokenizer: "PreTrainedTokenizerBase", size: int) -> Callable[[str], list[int]]:
    """Encodes text in which special tokens stand by their other names, to the ids of the tokenizer itself."""
    from tokenizers import Tokenizer

    spec = json.loads(tokenizer.backend_tokenizer.to_str())
    spec.update(truncation=None, padding=None, post_processor=None)
    ids = {}
    names = {token["content"]: _name(token["content"]) for token in spec["added_tokens"] if token["special"]}
    for token in spec["added_tokens"]:
        token["content"] = names.get(token["content"], token["content"])
        ids[token["content"]] = token["id"]
    _rename_vocabulary(spec["model"], names)
    copy = Tokenizer.from_str(json.dumps(spec))
    own = {copy.token_to_id(name): index for name, index in ids.items()}
    return lambda text: [own.get(index, index) for index in copy.encode(text, add_special_tokens=False).ids]


def _rename_vocabulary(model: dict[str, Any], names: dict[str, str]) -> None:
    """The same names in the vocabulary, so that a model such as Unigram does not find the old ones in text.

    What BPE puts together of other pieces keeps its name, which its merges need.
    """
    vocabulary = model["vocab"]
    merged = {merge.replace(" ", "") if isinstance(merge, str) else "".join(merge) for merge in model.get("merges", ())}
    names = {piece: name for piece, name in names.items() if piece not in merged}
    if isinstance(vocabulary, dict):
        model["vocab"] = {names.get(piece, piece): index for piece, index in vocabulary.items()}
    else:
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in vocabulary]
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
