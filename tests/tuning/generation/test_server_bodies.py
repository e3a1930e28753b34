"""Bodies of replies as gateways change them: streams with comments or cut short, errors beside an answer, odd parts."""

import json

import pytest

from tests.tuning.chat_server import ask, completion
from tuning.core.errors import UserError
from tuning.generation.server_reply import NoAnswer, Refused, Reply, parse, words

SSE = "text/event-stream"


def event(text, reason=None, **more):
    return "data: " + json.dumps({"choices": [{"delta": {"content": text}, "finish_reason": reason}], **more}) + "\n\n"


DONE = "data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (": PROCESSING\n\n: PROCESSING\n\n" + event("Fine") + event(".", "stop"), "Fine."),
        ("event: message\nid: 1\n" + event("Fine") + DONE, "Fine"),
        ("\ufeff" + event("Fine\u2028still \x85fine", "stop").replace("\\u2028", "\u2028").replace("\\u0085", "\x85"),
         "Fine\u2028still \x85fine"),
        ("".join([event("\ud83d"), event("\ude00"), event("\ud83d", "stop")]), "\U0001f600\ufffd"),
        # of a bare prompt, with other ends of lines
        ('data: {"choices": [{"text": "Go"}]}\r\n\r\ndata: {"choices": [{"text": " on"}]}\r\ndata: [DONE]', "Go on"),
        ("\ufeff" + json.dumps(completion("Fine", 1)), "Fine"),
        (json.dumps(completion({"type": "text", "text": "Fine"})), "Fine"),
        (json.dumps(completion([{"type": "output_text", "text": {"value": "Fine"}}, {"text": "."}])), "Fine."),
        (json.dumps(completion([{"type": "thinking", "text": "Hm"}, {"type": "text", "text": "Fine"}])), "Fine"),
        (json.dumps(completion([{"type": "reasoning", "text": "Hm"}])), ""),
        ('{"choices": [{"message": {"content": "cut \\ud83d"}}]}', "cut \ufffd"),
    ],
)  # fmt: skip
def test_bodies_that_hold_an_answer(body, text):
    assert parse(body, SSE if "data:" in body else "application/json").text == text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (event("Fi"), "its stream ends before the answer does"),
        (event("Fi") + 'data: {"error": {"message": "GPU lost", "code": 502}}\n\n', "breaks off its answer: GPU lost"),
        (event("Fi", error={"message": "GPU lost"}) + DONE, "GPU lost"),
        ({"choices": [{"error": {"message": "Upstream", "code": 502}, "message": {"content": ""}}]}, "Upstream"),
        ([{"error": {"message": "Busy", "code": 429, "status": "RESOURCE_EXHAUSTED"}}], "without choices: Busy"),
        ({"error": {"message": "Busy", "code": "429"}}, "Busy"),
        ({"object": "error", "message": "Loading", "code": 503}, "Loading"),
    ],
)
def test_bodies_that_hold_an_error_are_asked_for_again(body, said):
    with pytest.raises(NoAnswer, match=said) as raised:
        parse(body if isinstance(body, str) else json.dumps(body), SSE)
    assert raised.value.again


@pytest.mark.parametrize(
    "error",
    [{"code": "400"}, {"code": 413}, {"type": "invalid_request_error", "code": "context_length_exceeded"}],
)
def test_an_error_of_the_prompt_in_a_body_is_a_refusal(error):
    for body in ({"error": {"message": "Too long", **error}}, {"object": "error", "message": "Too long", **error}):
        with pytest.raises(Refused, match="Too long"):
            parse(json.dumps(body), "application/json")


def test_a_key_that_is_not_known_is_not_tried_again():
    with pytest.raises(NoAnswer, match="no such key") as raised:
        parse('[{"error": {"message": "no such key", "code": "401"}}]', "application/json")
    assert not raised.value.again


@pytest.mark.parametrize("tokens", [True, "4", 4.5, [4], None])
def test_what_is_no_count_of_tokens_is_none(tokens):
    body = {**completion("Fine"), "usage": {"completion_tokens": tokens}}
    assert parse(json.dumps(body), "application/json") == Reply("Fine", None, "length", False)


def test_words_of_errors_in_lists():
    assert words([{"error": {"message": "Quota"}}]) == "Quota"
    assert words([1, 2]) == "[1, 2]"


def test_addresses(server):
    server.reply = lambda asked: (200, completion("Fine", 1))
    assert len(ask(f"  {server.url}/\n")) == 9
    for wrong, said in (
        (f"{server.url}/chat/completions", "must end before '/chat/completions'"),
        (f"{server.url}/completions/", "must end before '/completions/'"),
        ("http://localhost:port/v1", "is no address .*port"),
    ):
        with pytest.raises(UserError, match=f"'generation.base_url' {said}"):
            ask(wrong)
