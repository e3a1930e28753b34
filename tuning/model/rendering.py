"""A conversation as text, as the model's chat template writes it; templates differ, and conversations do not."""

import functools
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tuning.core.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = dict[str, str]  # role and content

# What templates that write the date are told, so that the prompts of a run, and of a run again, are the same.
DATE = datetime(2025, 1, 1)
# Of what strftime writes; with a hyphen, without zeros before it. A percent sign comes last, so that it begins no code.
_CODES = [*(f"-{code}" for code in "dmyHIMSj"), *"aAbBhdemyYHIMSfpjUWwuGVcxXDFRTzZ%"]
_SAID, _SYSTEM = "Is this shown?", "And is this heard?"  # what a template is tried with


@dataclass(frozen=True)
class _Traits:
    """What a chat template does.

    Attributes:
        parts: whether it expects contents as lists of parts, as those of models that see pictures do.
        joins: whether it leaves out what the system says, so that this has to join the user's turn.
        begins: whether it can write the beginning of the assistant's turn without its content.
    """

    parts: bool
    joins: bool
    begins: bool


def check_template(tokenizer: "PreTrainedTokenizerBase", name: str) -> None:
    """Tries the chat template with one turn of the user.

    Args:
        name: the tokenizer's, for the message.

    Raises:
        UserError: the template raises an error, or leaves out what the user says.
    """
    try:
        _traits(tokenizer, str(tokenizer.chat_template))
    except Exception as error:
        advice = "set 'tokenizer' to one that has another"
        raise UserError(
            f"the chat template of {name!r} cannot be used ({' '.join(str(error).split())}): {advice}"
        ) from error


def rendered(tokenizer: "PreTrainedTokenizerBase", messages: list[Message]) -> str:
    """The whole conversation; without a system role, the system prompt joins the first user turn."""
    traits = _traits(tokenizer, str(tokenizer.chat_template))
    return _rendered(tokenizer, messages, traits.parts, False, traits.joins)


def rendered_prompt(tokenizer: "PreTrainedTokenizerBase", messages: list[Message]) -> str:
    """The same up to where the content of the assistant's next turn begins.

    Where the template does not write that beginning by itself, it is taken from a turn with content.
    """
    traits = _traits(tokenizer, str(tokenizer.chat_template))
    before = _rendered(tokenizer, messages, traits.parts, True, traits.joins)
    if traits.begins:
        return before
    answered = [*messages, {"role": "assistant", "content": _SAID}]
    whole = _rendered(tokenizer, answered, traits.parts, False, traits.joins)
    begun = whole[len(before) :].partition(_SAID)[0].rstrip(" ") if whole.startswith(before) else ""
    return before + begun if begun.strip() else before  # a space may be part of the answer's first token


@functools.lru_cache(maxsize=4)
def _traits(tokenizer: "PreTrainedTokenizerBase", template: str) -> _Traits:
    """What the template does; ``template`` changes where the tokenizer gets another.

    Raises:
        ValueError: it leaves out what the user says.
    """
    asked = [{"role": "user", "content": _SAID}]
    parts = _SAID not in _rendered(tokenizer, asked, False, False)
    without = _rendered(tokenizer, asked, parts, False)
    if _SAID not in without:
        raise ValueError("it leaves out what the user says")
    begins = _rendered(tokenizer, asked, parts, True) != without
    return _Traits(parts, _leaves_out_the_system(tokenizer, asked, parts), begins)


def _leaves_out_the_system(tokenizer: "PreTrainedTokenizerBase", asked: list[Message], parts: bool) -> bool:
    """Whether the template leaves out what the system says without a word, as Phi-3-medium's does."""
    try:
        return _SYSTEM not in _rendered(tokenizer, [{"role": "system", "content": _SYSTEM}, *asked], parts, True)
    except Exception:
        return False  # it matters only where a conversation has a system turn, which is then refused


def _rendered(
    tokenizer: "PreTrainedTokenizerBase", messages: list[Message], parts: bool, begin: bool, joins: bool = False
) -> str:
    """The conversation; where ``joins``, or the template refuses it, what the system says is in the user's turn."""
    from jinja2.exceptions import TemplateError

    if joins:
        messages = _joined(messages)
    given: list[Any] = messages
    if parts:
        given = [turn | {"content": [{"type": "text", "text": turn["content"]}]} for turn in messages]
    options = {"tokenize": False, "add_generation_prompt": begin}
    if isinstance(tokenizer.chat_template, str) and "strftime_now" in tokenizer.chat_template:
        options["chat_template"] = _dated(tokenizer.chat_template)
    try:
        return tokenizer.apply_chat_template(given, **options)
    except TemplateError:
        joined = _joined(messages)
        if len(joined) == len(messages):
            raise
    return _rendered(tokenizer, joined, parts, begin)


def _joined(messages: list[Message]) -> list[Message]:
    """The conversation without its system turns: what each says begins the user's next turn.

    After the last turn of the user nothing can be joined, and a system turn stays.
    """
    found: list[Message] = []
    said: list[Message] = []
    for turn in messages:
        if turn["role"] == "system":
            said.append(turn)
        elif turn["role"] == "user" and said:
            found.append(turn | {"content": "\n\n".join(each["content"] for each in [*said, turn])})
            said = []
        else:
            found.append(turn)
    return [*found, *said]


@functools.cache
def _dated(template: str) -> str:
    """The template with a ``strftime_now`` of its own, which writes ``DATE`` in any format."""
    written = "".join(f" | replace('%{code}', {DATE.strftime('%' + code)!r})" for code in _CODES)
    return f"{{% macro strftime_now(format) %}}{{{{ format{written} }}}}{{% endmacro %}}{{{{ '' }}}}{template}"
