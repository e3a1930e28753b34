"""The base model's own answers: whole, without repetition, and kept when a run is killed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import odd_checkpoints, tiny
from tests.tiny import checked
from tuning.data import own_answers
from tuning.model.chat_template import load_tokenizer, prompt_tokens

PROMPTS = [
    [{"role": "user", "content": f"Tell me about {topic}."}] for topic in ("bread", "rivers", "a very old clock")
]


@pytest.mark.parametrize(
    ("text", "whole", "kept"),
    [
        ("One two three four five six seven eight. And then it st", False, "One two three four five six seven eight."),
        ("One two three four five six seven eight. And no stop", True, "One two three four five six seven eight."),
        ("It has a first line of eight words.\n\n1. Ice.\n2.", False, "It has a first line of eight words.\n\n1. Ice."),
        ("It is said once by eight or nine words. So it ends. So it ends.", True, None),
        ("The cat sat on a mat near me. There the cat sat on a mat again.", True, "The cat sat on a mat near me."),
        ("Too short.", True, ""),
        ("never a stop in all of these many words here", False, ""),
    ],
)
def test_an_answer_ends_at_a_whole_sentence_before_anything_is_said_twice(text, whole, kept):
    assert own_answers.ended(text, whole) == (text.removesuffix(" So it ends.") if kept is None else kept)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from("ice runs down the hill. It is cold, he said!\n* \n\n1. so".split(" "))), st.booleans())
def test_what_is_kept_is_a_beginning_that_ends_and_does_not_repeat(words, whole):
    text = " ".join(words)
    kept = own_answers.ended(text, whole)
    assert " ".join(text.split()).startswith(" ".join(kept.split()))
    assert own_answers.ended(kept, True) == kept
    if kept:
        assert kept[-1] in ".!?\"')]"
        runs = [tuple(kept.lower().split()[i : i + 5]) for i in range(len(kept.split()) - 4)]
        assert len(runs) == len(set(runs))


def test_answers_are_what_generate_writes(params, tiny_model, tmp_path, monkeypatch):
    from transformers import AutoModelForCausalLM

    monkeypatch.setattr(own_answers, "ended", lambda text, whole: f"{text} {whole}")
    params = checked(params)
    tokenizer = load_tokenizer(params)
    found = own_answers.own_answers(PROMPTS, tokenizer, params, tmp_path, 12)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    for prompt, answer in zip(PROMPTS, found, strict=True):
        ids = prompt_tokens(tokenizer, prompt)
        written = model.generate(model.dummy_inputs["input_ids"].new_tensor([ids]), max_new_tokens=12, do_sample=False)[
            0, len(ids) :
        ]
        whole = bool(written[-1] == tokenizer.eos_token_id)
        assert answer == f"{tokenizer.decode(written, skip_special_tokens=True)} {whole}"


LONG = "One two three four five six seven eight."


@pytest.mark.parametrize(
    ("response", "used"),
    [
        (f"<think>\nSo, well, it may be that the answer is this one.\n</think>\n\n{LONG}", LONG),
        (f"So, well, it may be that the answer is this one.\n</think>\n\n{LONG}", LONG),
        ("<think>\nSo, well, it may be that the answer is this one.", None),
        (f"<think>So.</think>{LONG} <think>Or, well,", None),
        (f"{LONG} <think>Or, well,", None),
        (LONG, LONG),
    ],
)
def test_of_an_answer_with_thoughts_only_what_follows_them_is_used(params, tmp_path, monkeypatch, response, used):
    params = checked(params)

    def answer(model, tokenizer, ids, kept, *rest):
        kept.add([{"key": index, "response": response, "finish_reason": "length"} for index in range(len(ids))])

    monkeypatch.setattr(own_answers.kept_answers, "answer", answer)
    monkeypatch.setattr(own_answers, "ended", lambda text, whole: text)
    assert own_answers.own_answers(PROMPTS, load_tokenizer(params), params, tmp_path, 12) == [used] * len(PROMPTS)


def test_thoughts_that_the_template_opens_and_the_limit_cuts_are_no_answer(tmp_path, monkeypatch):
    model = odd_checkpoints.save(tmp_path / "model", odd_checkpoints.THINKS)
    params = checked(tiny.params(str(model), "rows.jsonl", "prompts.jsonl"))
    monkeypatch.setattr(own_answers, "ended", lambda text, whole: text)
    found = own_answers.own_answers(PROMPTS, load_tokenizer(params), params, tmp_path, 12)
    assert found == [None] * len(PROMPTS)


def test_what_is_finished_is_not_answered_again_unless_something_else_is_asked(params, tmp_path, monkeypatch):
    params = checked(params)
    tokenizer = load_tokenizer(params)
    first = own_answers.own_answers(PROMPTS, tokenizer, params, tmp_path, 4)
    loaded = []
    load = own_answers.load_model
    monkeypatch.setattr(own_answers, "load_model", lambda spec: loaded.append(1) or load(spec))
    assert own_answers.own_answers(PROMPTS, tokenizer, params, tmp_path, 4) == first
    assert loaded == []
    own_answers.own_answers(PROMPTS[:2], tokenizer, params, tmp_path, 4)
    own_answers.own_answers(PROMPTS, tokenizer, params, tmp_path, 5)
    assert loaded == [1, 1]
