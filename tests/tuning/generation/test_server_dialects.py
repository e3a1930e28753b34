"""Every kind of server is asked so that it answers as the project's own engine would."""

import json

import pytest

from tests.tuning.chat_server import SENT, ask, completion
from tuning.core.errors import UserError
from tuning.generation import server_dialects
from tuning.generation.decoding import Response
from tuning.generation.server_dialects import LLAMA_CPP, OTHER, SGLANG, TRANSFORMERS, VLLM, request

STOPS = {**SENT, "stop_strings": ["END"]}


def extra(kind, ends=(), **arguments):
    return request(kind, {**SENT, **arguments}, ends, 3)["extra_body"]


@pytest.mark.parametrize("kind", [VLLM, SGLANG, OTHER])
def test_greedy_is_temperature_zero_and_leaves_out_what_only_samples(kind):
    asked = request(kind, {**SENT, "temperature": 0.9, "top_k": 5}, [2, 7], 3)
    more = {"repetition_penalty": 1.0, "stop_token_ids": [2, 7]}
    assert asked == {"temperature": 0, "seed": 3, "max_tokens": 20, "extra_body": more}


def test_a_sample_is_drawn_as_transformers_draws_it_whatever_the_servers_defaults():
    asked = request(VLLM, {**SENT, "do_sample": True, "temperature": 0.7}, [], 3)
    more = {"top_k": 50, "min_p": 0.0, "repetition_penalty": 1.0}
    assert asked == {"seed": 3, "max_tokens": 20, "temperature": 0.7, "top_p": 1.0, "extra_body": more}


def test_the_names_of_each_kind():
    assert extra(VLLM, min_new_tokens=4)["min_tokens"] == 4
    assert extra(SGLANG, repetition_penalty=1.2)["repetition_penalty"] == 1.2
    assert extra(LLAMA_CPP, repetition_penalty=1.2) == {"repeat_penalty": 1.2, "repeat_last_n": 131072}
    assert extra(LLAMA_CPP, [2], do_sample=True, typical_p=0.9)["typical_p"] == 0.9


def test_stop_strings_stay_in_the_text():
    assert request(VLLM, STOPS, [], 3)["extra_body"]["include_stop_str_in_output"] is True
    assert request(SGLANG, STOPS, [], 3)["extra_body"]["no_stop_trim"] is True
    assert "stop" not in request(LLAMA_CPP, STOPS, [], 3)
    assert "include_stop_str_in_output" not in extra(VLLM)


def test_transformers_takes_its_own_class_whole():
    asked = request(TRANSFORMERS, {**STOPS, "min_new_tokens": 3, "temperature": 0.5, "top_k": None}, [2], 3)
    whole = {**STOPS, "min_new_tokens": 3, "eos_token_id": [2]}
    assert asked.keys() == {"seed", "extra_body"}
    assert json.loads(asked["extra_body"]["generation_config"]) == whole


@pytest.mark.parametrize("kind", [VLLM, SGLANG, LLAMA_CPP])
def test_what_a_server_has_no_setting_for_is_refused_before_it_is_asked(kind):
    with pytest.raises(UserError, match=f"'generation.no_repeat_ngram_size': {kind.title} has no such setting"):
        request(kind, {**SENT, "no_repeat_ngram_size": 3}, [], 3)
    same = {"no_repeat_ngram_size": 0, "num_beams": 1, "length_penalty": 2.0, "early_stopping": True, "typical_p": 0.5}
    assert request(kind, {**SENT, **same}, [], 3) == request(kind, SENT, [], 3)


def test_another_server_is_sent_what_may_be_known_to_it():
    assert extra(OTHER, no_repeat_ngram_size=3)["no_repeat_ngram_size"] == 3


def test_a_server_is_known_by_how_it_signs_its_models():
    owners = {"vllm": VLLM, "sglang": SGLANG, "llamacpp": LLAMA_CPP, "me": OTHER}
    for owner, kind in owners.items():
        assert server_dialects.dialect([{"id": "a"}, {"id": "b", "owned_by": owner}]) == kind


def test_the_kind_is_asked_for_once(server):
    server.models = [{"id": "base", "object": "model", "owned_by": "llamacpp"}]
    ask(server.url, repetition_penalty=1.5, ends=[2])
    assert all(body["repeat_penalty"] == 1.5 and "stop_token_ids" not in body for body in server.bodies)
    with pytest.raises(UserError, match="llama.cpp has no such setting"):
        ask(server.url, min_new_tokens=3)
    assert len(server.bodies) == 9


def strict(*unknown, wording="Unrecognized request argument supplied: {}"):
    """A server that refuses requests with these names."""

    def reply(body):
        found = [name for name in unknown if name in body]
        if found:
            return 400, {"error": {"message": wording.format(", ".join(found))}}
        return 200, completion("an END of", 4)

    return reply


def test_a_strict_server_is_asked_without_what_it_does_not_know(server):
    server.reply, said = strict("stop_token_ids", "repetition_penalty"), []
    found = ask(server.url, said, ends=[2])
    assert {answer.text for answer in found.values()} == {"an END of"}
    assert [line for line in said if "does not take repetition_penalty, stop_token_ids (Unrec" in line] == said != []
    assert len(server.bodies) <= 9 + 3  # each request under way at that time, again


def test_where_a_server_cuts_stop_strings_off_the_answer_is_cut_here(server):
    server.reply = strict("include_stop_str_in_output")
    found = ask(server.url, stop_strings=["END", "an EN"])
    assert set(found.values()) == {Response("an EN", 2, "stop")}
    assert "stop" not in server.bodies[-1]


def test_a_setting_that_a_strict_server_does_not_know_is_never_left_out(server):
    server.reply = strict("min_tokens")
    with pytest.raises(UserError, match=r"'generation.min_new_tokens': .* does not take 'min_tokens' \(Unrecog"):
        ask(server.url, min_new_tokens=4)


def test_transformers_is_known_by_its_refusal(server):
    server.reply = strict("stop_token_ids", wording="Unexpected fields in the request: {{'{}'}}")
    ask(server.url, ends=[2], min_new_tokens=4)
    last = json.loads(server.bodies[-1]["generation_config"])
    assert last["eos_token_id"] == [2]
    assert last["min_new_tokens"] == 4
    assert "stop_token_ids" not in server.bodies[-1]


def test_a_prompt_beyond_the_context_is_fitted_as_the_engine_fits_it_and_named(server):
    server.models, said = [{"id": "base", "object": "model", "owned_by": "vllm", "max_model_len": 40}], []
    prompts = [list(range(length)) for length in (5, 25, 35)]
    asked = [[{"role": "user", "content": f"prompt {number}"}] for number in range(3)]
    ask(server.url, said, asked, token_ids=lambda: prompts)
    sent = sorted(server.bodies, key=lambda body: str(body.get("messages", "z")))
    assert [body["max_tokens"] for body in sent] == [20, 15, 10]
    assert sent[2]["prompt"] == [*range(15), *range(20, 35)]
    assert said[0].startswith("prompt 3 has 35 tokens, and the model's context is 40: 5 tokens in its middle")


@pytest.mark.parametrize("asked", [["prompt 0", "<s> 1"], [[{"role": "user", "content": text}] for text in "ab"]])
@pytest.mark.parametrize("context", [{}, {"max_model_len": 400}])
def test_a_prompt_with_special_tokens_texts_goes_as_token_ids_to_a_server_that_takes_them(server, asked, context):
    prompts, known = [[5, 6], [7, 8, 9]], {"special": {1}}
    for owner, as_ids in (("vllm", True), ("sglang", True), ("me", False)):
        server.models = [{"id": "base", "object": "model", "owned_by": owner, **context}]
        server.bodies.clear()
        ask(server.url, None, asked, token_ids=lambda: prompts, known=known, concurrency=1)
        sent = [body.get("prompt", body.get("messages")) for body in server.bodies]
        assert sent == [asked[0], prompts[1] if as_ids else asked[1]]


def test_to_a_server_that_takes_no_token_ids_a_long_prompt_goes_whole_with_what_is_left_for_the_answer(server):
    server.models, said = [{"id": "base", "object": "model", "owned_by": "me", "max_model_len": 40}], []
    prompts = [list(range(length)) for length in (5, 35, 45)]
    asked = [[{"role": "user", "content": f"prompt {number}"}] for number in range(3)]
    ask(server.url, said, asked, token_ids=lambda: prompts)
    sent = sorted(server.bodies, key=lambda body: str(body["messages"]))
    assert [body["messages"] for body in sent] == asked
    assert [body["max_tokens"] for body in sent] == [20, 5, 1]
    assert said[0].startswith("2 prompts get fewer than 20 new tokens")
