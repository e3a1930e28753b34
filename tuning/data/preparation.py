"""What rows are prepared with: the parameters, and the tokenizer that measures them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuning.config.params import Params
from tuning.core.errors import UserError
from tuning.data.conversations import Conversation
from tuning.data.rows import Row
from tuning.model.chat_template import row_tokens

MOST_CHARACTERS = 10_000_000  # of a row where train.max_length is null: its tokens take 2 GB while they are made


@dataclass(frozen=True)
class Preparation:
    """What rows are prepared with.

    Attributes:
        distils: whether the model answers requests itself.
        folder: for the model's answers so far.
    """

    params: Params
    tokenizer: Any
    distils: bool
    folder: Path

    def row(self, place: str, prompt: list, completion: list, types: Iterable[str] = ()) -> Row:
        """A row with its tokens."""
        return Row(place, prompt, completion, row_tokens(self.tokenizer, prompt, completion), tuple(types))

    def too_long(self, row: Row) -> bool:
        """Whether a row is dropped because it is too long; with ``over_length: truncate`` none is."""
        longest = self.params.train.arguments.get("max_length")
        drops = self.params.data.over_length == "drop" and longest is not None
        return drops and len(row.tokens.prompt) + len(row.tokens.completion) > longest

    def shortened(self, place: str, conversation: Conversation) -> Conversation | None:
        """A conversation without what is far beyond ``train.max_length``; None where it is to be dropped for it.

        No tokenizer makes so many characters short enough, and the tokens of a text of 20 MB take gigabytes while
        they are made.

        Raises:
            UserError: it is far beyond what any model reads, and ``train.max_length`` sets no limit.
        """
        longest = self.params.train.arguments.get("max_length")
        most = MOST_CHARACTERS if longest is None else max(1_000_000, 256 * longest)
        turns = conversation.prompt + conversation.completion
        characters = sum(len(turn["content"]) for turn in turns)
        if characters <= most:
            return conversation
        if longest is None:
            raise UserError(
                f"{place}: this row has {characters:,} characters, too many to keep whole: set 'train.max_length', "
                "beyond which rows are dropped or, with 'data.over_length: truncate', cut"
            )
        if self.params.data.over_length == "drop":
            return None
        cut = [turn | {"content": turn["content"][:most]} for turn in turns]
        return Conversation(cut[:-1], cut[-1:])
