"""What a model or a data set says cannot steer the terminal."""

import pytest

from stages import chat
from tests import tiny
from tuning.core.terminal import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\nof two lines", "plain\ttext\nof two lines"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("over\rwritten\r\n", "over\\x0dwritten\n"),
        ("\x9b31m \x7f \x00", "\\x9b31m \\x7f \\x00"),
        ("é 中 \U0001f600 \u200b", "é 中 \U0001f600 \u200b"),
    ],
)
def test_control_characters_are_escapes(text, shown):
    assert printable(text) == shown


def test_an_answer_in_chat(capsys):
    import torch

    words = tiny.tokenizer()
    words.pad_token = "<|endoftext|>"
    kept = chat.Kept(words)
    kept.put(torch.tensor([[1, 2]]))
    answer = words("red \x1b[31m or\nblue \x07", add_special_tokens=False)["input_ids"]
    for token in answer:
        kept.put(torch.tensor([token]))
    kept.end()
    assert capsys.readouterr().out == "red \\x1b[31m or\nblue \\x07\n"
    assert kept.ids == answer
