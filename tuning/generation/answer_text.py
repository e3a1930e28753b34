"""An answer's tokens as text: thoughts stand between tags, and special tokens are left out, unless they are text."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from tuning.model.chat_template import with_thoughts_opened

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TAG = re.compile("</?(think|thinking|thought|reasoning)>", re.IGNORECASE)
_BRACKETS = re.compile(r"<.+>|\[.+\]", re.DOTALL)  # as tokens have them that no text is made of
_CHANNEL, _MESSAGE = "<|channel|>", "<|message|>"
_ENDS = ("<|end|>", "<|return|>", "<|call|>", "<|start|>")  # of a channel's text
_LONGEST_TAG = 16  # tokens, with the white space after it, where the tag is no token by itself


@dataclass(frozen=True)
class _Special:
    """Ids of a tokenizer's special tokens.

    Attributes:
        shown: those that belong to the text.
        left_out: all others.
        channel: begins the name of a channel; None where answers have none.
        message: begins its text.
        ends: end its text.
    """

    shown: frozenset[int]
    left_out: frozenset[int]
    channel: int | None
    message: int | None
    ends: frozenset[int]


def response_text(tokenizer: "PreTrainedTokenizerBase", prompt: list[int], answer: list[int]) -> str:
    """``answer_text``, with the tag before it of thoughts that the prompt has opened and the answer does not end."""
    return with_thoughts_opened(tokenizer.decode(prompt[-_LONGEST_TAG:]), answer_text(tokenizer, answer))


def answer_text(tokenizer: "PreTrainedTokenizerBase", ids: list[int]) -> str:
    """The text of an answer without its end token.

    Tags of thoughts stay where they are special tokens, and so does a pad token that is an ordinary one, as
    ``load_tokenizer`` takes it where there is no spare one. Of an answer in channels, as gpt-oss writes it
    (https://cookbook.openai.com/articles/openai-harmony), the text of the last final channel stands at the end, and
    that of the other channels between ``<think>`` and ``</think>`` before it.
    """
    special = _special(tokenizer, len(tokenizer), tokenizer.pad_token)
    if special.channel is None or special.channel not in ids:
        return _plain(tokenizer, special, ids)
    thoughts, answer, ended = [], None, True
    begun, *channels = _split(ids, {special.channel})
    for name, text in [([], begun), *(_name_and_text(special, each) for each in channels)]:
        if text is None:  # it has a name, and that is not ended
            continue
        said, *rest = _split(text, special.ends)
        written, is_final = _plain(tokenizer, special, said), _is_final(tokenizer, special, name)
        if is_final and answer is not None:
            thoughts.append(answer)
        if is_final:
            answer = written
        elif name or written.strip():
            thoughts.append(written)
            ended = bool(rest)
    before = "</think>\n\n".join(f"<think>{each}" for each in thoughts)
    return before + ("</think>\n\n" if thoughts and (ended or answer is not None) else "") + (answer or "")


def _plain(tokenizer: "PreTrainedTokenizerBase", special: _Special, ids: list[int]) -> str:
    """The text of tokens, channels or not."""
    if special.shown.isdisjoint(ids):
        return tokenizer.decode(ids, skip_special_tokens=True)
    return tokenizer.decode([token for token in ids if token not in special.left_out])


def _name_and_text(special: _Special, channel: list[int]) -> tuple[list[int], list[int] | None]:
    """The tokens of a channel's name, and what follows it; None where it is cut before its text."""
    name, *texts = _split(channel, {special.message})
    return name, texts[-1] if texts else None


def _is_final(tokenizer: "PreTrainedTokenizerBase", special: _Special, name: list[int]) -> bool:
    return _plain(tokenizer, special, name).strip().startswith("final")


def _split(ids: list[int], at: Collection[int | None]) -> list[list[int]]:
    """What lies before, between and after some tokens."""
    found: list[list[int]] = [[]]
    for token in ids:
        if token in at:
            found.append([])
        else:
            found[-1].append(token)
    return found


@lru_cache(maxsize=4)
def _special(tokenizer: "PreTrainedTokenizerBase", size: int, pad: str | None) -> _Special:
    """The special tokens; ``size`` and ``pad`` change where tokens are added, or others get another meaning."""
    added = {token.content: index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
    texts = added | dict(zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True))
    shown = {index for text, index in texts.items() if _TAG.fullmatch(text)}
    if pad is not None and not _BRACKETS.fullmatch(pad):
        shown.add(texts[pad])
    channels = {_CHANNEL, _MESSAGE} <= texts.keys()
    return _Special(
        frozenset(shown),
        frozenset(texts.values()) - shown,
        texts[_CHANNEL] if channels else None,
        texts[_MESSAGE] if channels else None,
        frozenset(texts[text] for text in _ENDS if text in texts),
    )
