"""Thoughts that the prompt has opened are known as thoughts, also where the answer is cut before they end."""

import pytest

from ifeval.instructions import build
from ifeval.records import Prompt
from tests import tiny
from tests.odd_checkpoints import THINKS
from tests.tuning.answers import answers, tokens
from tests.tuning.chat_server import ASKED, ask, completion
from tuning.generation.task import open_ended
from tuning.model.chat_template import with_thoughts_opened
from tuning.report.verdicts import verdicts

OPENED = "<|im_start|>assistant\n<think>\n"


@pytest.fixture
def thinker():
    """The tokenizer of a model whose template opens thoughts."""
    tokenizer = tiny.tokenizer(THINKS)
    tokenizer.pad_token = "<|endoftext|>"
    return tokenizer


@pytest.mark.parametrize(
    ("before", "answer", "text"),
    [
        (OPENED, "So, well", "<think>\nSo, well"),
        ("<reasoning>", "So, well", "<reasoning>So, well"),
        (OPENED, "So.\n</think>\n\nYes.", "So.\n</think>\n\nYes."),
        (OPENED, "So.\n</THOUGHT>Yes.", "So.\n</THOUGHT>Yes."),
        (OPENED, "<think>\nSo", "<think>\n<think>\nSo"),
        (OPENED, " ", " "),
        ("<|im_start|>assistant\n", "So, well", "So, well"),
        ("Write <think> and more.", "So, well", "So, well"),
        ("<think>\n\n</think>\n\n", "Yes.", "Yes."),
    ],
)
def test_the_tag_is_put_before_what_does_not_end_the_thoughts(before, answer, text):
    assert with_thoughts_opened(before, answer) == text


@pytest.mark.parametrize("way", [{}, {"num_beams": 2}])
def test_an_answer_that_is_all_thoughts(model, thinker, tokenizer, capsys, way):
    prompts = tokens(thinker)[:4]
    found = answers(model, thinker, 3, prompts, **way)
    assert all(response.text.startswith("<think>\n") for response in found.values())
    assert not any(answer.text.startswith("<think>") for answer in answers(model, tokenizer, 3).values())
    asked = [Prompt(key, "p", [build("punctuation:no_comma", {})]) for key in found]
    texts = {key: response.text for key, response in found.items()}
    assert not any(judgement.strict for judgement in verdicts("base", asked, texts, strips=True))
    assert capsys.readouterr().err == ""
    verdicts("base", asked, texts, strips=False)
    assert f"warning: {len(found)} of {len(found)} base responses begin with thoughts" in capsys.readouterr().err


def test_an_answer_to_a_bare_prompt_that_opens_thoughts(model, tokenizer):
    prompts = [open_ended(tokenizer, "Name a colour. <think> "), open_ended(tokenizer, "Name a colour.")]
    found = answers(model, tokenizer, 2, prompts)
    assert [found[index].text.startswith("<think>") for index in (0, 1)] == [True, False]


@pytest.mark.parametrize(
    ("reply", "opened"),
    [
        (completion("So, well"), True),
        (completion("So, well", reason="stop"), False),
        (completion("So.</think>Yes"), False),
        (completion("Yes", reasoning_content="So."), False),
        (completion([{"type": "thinking", "thinking": "So."}, {"type": "text", "text": "Yes"}]), False),
    ],
)
def test_a_server_s_answer_is_all_thoughts_where_it_keeps_none_apart_and_cuts_it(server, reply, opened):
    server.reply = lambda asked: (200, reply)
    known = {"before": lambda index: OPENED if index else "<|im_start|>assistant\n"}
    found = ask(server.url, asked=ASKED[:2], known=known)
    assert [found[index].text.startswith("<think>\n") for index in (0, 1)] == [False, opened]
    assert found[0].new_tokens == found[1].new_tokens
