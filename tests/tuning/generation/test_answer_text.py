"""What of an answer's tokens is text: thoughts in channels and between tags, and an ordinary pad token."""

import itertools
from types import SimpleNamespace

import pytest

from tests import loading, tiny
from tuning.generation import padded_batches
from tuning.generation.answer_text import answer_text
from tuning.generation.sequence import Sequence
from tuning.model.chat_template import prompt_tokens

CHANNELS = ["<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|call|>", "<|constrain|>"]
OSS = tiny.tokenizer(eos_token="<|return|>", pad_token="<|endoftext|>", additional_special_tokens=CHANNELS)
THOUGHT = "<|channel|>analysis<|message|>We need it.\nSo.<|end|><|start|>assistant"
FINAL = "<|channel|>final<|message|>Hello there.\nBye"


def written(tokenizer, text):
    """The tokens of a text in which special tokens are special."""
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (THOUGHT + FINAL, "<think>We need it.\nSo.</think>\n\nHello there.\nBye"),
        (FINAL, "Hello there.\nBye"),
        (f"{FINAL}<|end|><|start|>assistant", "Hello there.\nBye"),
        ("Hello <|end|>there.", "Hello there."),  # without any channel
        ("", ""),
        ("<|channel|>analysis<|message|>We need", "<think>We need"),  # cut
        (THOUGHT, "<think>We need it.\nSo.</think>\n\n"),
        (f"{THOUGHT}<|channel|>final", "<think>We need it.\nSo.</think>\n\n"),
        ("<|channel|>anal", ""),
        (THOUGHT * 2 + FINAL, "<think>We need it.\nSo.</think>\n\n" * 2 + "Hello there.\nBye"),
        (f"{THOUGHT}<|channel|>analysis<|message|>Or", "<think>We need it.\nSo.</think>\n\n<think>Or"),
        (
            '<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a": 1}<|call|>',
            '<think>{"a": 1}</think>\n\n',
        ),
        (f"Or.<|end|>{FINAL}", "<think>Or.</think>\n\nHello there.\nBye"),
        (f"<|start|>assistant{FINAL}", "Hello there.\nBye"),
        (f"<|channel|>final<|message|>No<|end|><|start|>assistant{FINAL}", "<think>No</think>\n\nHello there.\nBye"),
        ("<|channel|>final<|message|>No<|message|>Yes", "Yes"),
    ],
)
def test_of_channels_the_final_one_is_the_answer_and_the_others_are_thoughts(answer, text):
    assert answer_text(OSS, written(OSS, answer)) == text


def test_the_text_of_channels_only_grows_while_it_is_written():
    ids = written(OSS, THOUGHT * 2 + FINAL)
    texts = [answer_text(OSS, ids[:end]) for end in range(len(ids) + 1)]
    assert all(after.startswith(before) for before, after in itertools.pairwise(texts))


def test_a_tokenizer_without_both_tokens_has_no_channels():
    tokenizer = tiny.tokenizer(eos_token="<|return|>", pad_token="<|endoftext|>", unk_token="<|channel|>")
    assert answer_text(tokenizer, written(tokenizer, "<|channel|>final words")) == "final words"


def test_tags_of_thoughts_that_are_special_tokens_stay():
    tags = ["<think>", "</think>", "<|tool|>"]
    tokenizer = tiny.tokenizer(eos_token="<|im_end|>", pad_token="<pad>", additional_special_tokens=tags)
    ids = written(tokenizer, "<think>So <|tool|>it is.</think>Yes.<pad><|im_end|>")
    assert set(tokenizer.all_special_ids) <= set(ids)
    assert answer_text(tokenizer, ids) == "<think>So it is.</think>Yes."


def borrowed(folder, **special):
    """A tokenizer without a spare token, as the base model's and as the tuned model's stages load it."""
    tiny.tokenizer(eos_token="<|endoftext|>", **special).save_pretrained(folder / "model")
    for name in ("model", "tuned"):
        tokenizer = loading.tokenizer(tiny.params(str(folder / name), "rows.jsonl", "prompts.jsonl"))
        yield tokenizer
        tokenizer.save_pretrained(folder / "tuned")


@pytest.mark.parametrize("special", [{}, {"pad_token": "!"}, {"pad_token": "Ġthe"}])
def test_an_ordinary_token_that_is_the_pad_token_stays_in_answers(tmp_path, special):
    pads = set()
    for tokenizer in borrowed(tmp_path, **special):
        pads.add(tokenizer.pad_token)
        around = written(tokenizer, "He looked")
        ids = [*around, tokenizer.pad_token_id, *around, tokenizer.eos_token_id, tokenizer.pad_token_id]
        pad = tokenizer.decode([tokenizer.pad_token_id])
        assert pad.strip()
        assert answer_text(tokenizer, ids) == f"He looked{pad}He looked{pad}"
    assert len(pads) == 1


def test_a_borrowed_pad_token_changes_no_text_of_a_saved_tokenizer(tmp_path):
    base, tuned = borrowed(tmp_path)
    texts = base.batch_decode([[token] for token in sorted(base.get_vocab().values(), reverse=True)])
    assert base.eos_token in texts
    turns = [[{"role": "user", "content": f"a{text}b"}] for text in texts]
    assert [prompt_tokens(tuned, each) for each in turns] == [prompt_tokens(base, each) for each in turns]


@pytest.mark.parametrize("pad", ["<pad>", "[PAD]", "<|pad|>"])
def test_a_pad_token_of_its_own_is_left_out(tmp_path, pad):
    for tokenizer in borrowed(tmp_path, pad_token=pad):
        assert tokenizer.pad_token == pad
        assert answer_text(tokenizer, [*written(tokenizer, "Yes"), tokenizer.pad_token_id]) == "Yes"


@pytest.mark.parametrize(("stops", "kept", "reason"), [(None, [5, 6, 9], "length"), (["."], [5, 6], "stop")])
def test_only_after_a_stop_string_is_what_looks_like_padding_padding(stops, kept, reason):
    sequence = Sequence(0, [1, 2], 3)
    padded_batches._finish(sequence, [5, 6, 9], SimpleNamespace(eos_token_id=[0], stop_strings=stops), pad=9)
    assert (sequence.written, sequence.finish_reason) == (kept, reason)
