"""Batched answers are those of one prompt at a time, and an interruption loses none."""

import re

import pytest

from stages.lib import chat, decoding
from stages.lib.responses import Partial

QUESTIONS = [
    "Name a colour.",
    "Explain the tides to a child who lives far from the sea.",
    "Why?",
    "Say hello in French.",
]


@pytest.fixture(scope="module")
def model(tiny_model):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_model)


def answers(model, tokenizer, batch_size, done=frozenset(), **generation):
    ends = chat.end_tokens(tokenizer)
    config = decoding.generation_config(model, tokenizer, ends, {"max_new_tokens": 12, "do_sample": False} | generation)
    prompts = [chat.prompt_tokens(tokenizer, [{"role": "user", "content": text}]) for text in QUESTIONS]
    found = {}
    for batch in decoding.generate(model, tokenizer, prompts, config, batch_size, seed=1, done=done):
        found.update(batch)
    return found


@pytest.fixture(scope="module")
def tokenizer(tiny_tokenizer):
    tiny_tokenizer.pad_token = "<|endoftext|>"
    return tiny_tokenizer


def test_batch_size_changes_nothing(model, tokenizer):
    one = answers(model, tokenizer, 1)
    assert set(one) == set(range(len(QUESTIONS)))
    assert answers(model, tokenizer, 3) == one == answers(model, tokenizer, 4)


def test_an_answer_cut_at_the_limit_says_so(model, tokenizer):
    for response in answers(model, tokenizer, 2, max_new_tokens=3).values():
        assert response.new_tokens <= 3
        assert response.finish_reason == ("length" if response.new_tokens == 3 else "stop")


def test_the_end_token_is_counted_but_not_shown(model, tokenizer):
    first = answers(model, tokenizer, 4)[0]
    written = tokenizer(first.text, add_special_tokens=False)["input_ids"]
    config = decoding.generation_config(model, tokenizer, [written[2]], {"max_new_tokens": 12, "do_sample": False})
    response = decoding._response(written, tokenizer, config)
    assert response == decoding.Response(tokenizer.decode(written[:2]), 3, "stop")


def test_a_stop_string_ends_the_answer(model, tokenizer):
    whole = answers(model, tokenizer, 4)[1].text
    word = re.search(r"[a-z]{4,}", whole).group()
    stopped = answers(model, tokenizer, 4, stop_strings=[word])[1]
    assert len(stopped.text) < len(whole)
    assert word in stopped.text
    assert stopped.finish_reason == "stop"


def test_sampling_depends_on_the_seed_only(model, tokenizer):
    sampled = answers(model, tokenizer, 2, do_sample=True, temperature=1.5)
    assert sampled == answers(model, tokenizer, 2, do_sample=True, temperature=1.5)
    assert sampled != answers(model, tokenizer, 2)


def test_only_batches_with_something_open_are_answered(model, tokenizer):
    everything = answers(model, tokenizer, 2)
    order = [index for batch in decoding.batches([[0] * n for n in (9, 30, 2, 11)], 2) for index in batch]
    assert sorted(order) == [0, 1, 2, 3]
    rest = answers(model, tokenizer, 2, done=set(range(4)))
    assert rest == {}
    assert answers(model, tokenizer, 2, done={0}) == everything


def row(key):
    return {"key": key, "prompt": "p", "response": f"r{key}\u2028", "new_tokens": 1, "finish_reason": "stop"}


def test_finished_responses_are_on_disk_at_once_and_found_again(tmp_path):
    path = tmp_path / "responses" / "base.jsonl"
    Partial(path, "run").add([row(2), row(1)])
    again = Partial(path, "run")
    assert list(again.rows) == [2, 1]
    again.add([row(3)])
    assert [found["key"] for found in again.finish([1, 2, 3])] == [1, 2, 3]
    assert [file.name for file in path.parent.iterdir()] == ["base.jsonl"]


def test_a_line_cut_while_it_was_written_is_answered_again(tmp_path):
    partial = Partial(tmp_path / "base.jsonl", "run")
    partial.add([row(1), row(2)])
    partial.partial.write_bytes(partial.partial.read_bytes()[:-5])
    assert list(Partial(tmp_path / "base.jsonl", "run").rows) == [1]


def test_responses_of_another_run_are_never_used(tmp_path):
    Partial(tmp_path / "base.jsonl", "one").add([row(1)])
    assert Partial(tmp_path / "base.jsonl", "other").rows == {}
