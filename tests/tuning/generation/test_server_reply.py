"""Odd replies of a server: each is an answer, a reason to ask again, or one error in the server's own words."""

import contextlib
import itertools
import json
import re
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.tuning.chat_server import ask, batches, completion
from tuning.core.errors import UserError
from tuning.generation import server_client, server_connection, server_reply
from tuning.generation.decoding import Response


def _nested(inner):
    names = st.sampled_from(
        ["choices", "message", "content", "error", "code", "delta", "usage", "finish_reason", "text"]
    )
    return st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4)


# Odd replies, and what is to become of them: a Response, or words of the error.
EVENTS = [{"choices": [{"delta": {"content": text}, "finish_reason": None}]} for text in ("Fine", ", you?")]
EVENTS.append({"choices": [{"delta": {}, "finish_reason": "length"}], "usage": {"completion_tokens": 3}})
STREAM = "".join(f"data: {json.dumps(event)}\n\n" for event in EVENTS) + "data: [DONE]\n\n"
BUSY = {"choices": None, "error": {"message": "Upstream is too busy", "code": 429}}


@pytest.mark.parametrize(
    ("body", "response"),
    [
        (completion("a b c"), Response("a b c", 3, "length")),
        (completion([{"type": "text", "text": "a"}, {"type": "image_url"}, " b"]), Response("a b", 2, "length")),
        (completion(None, 5, "stop", reasoning_content="so"), Response("", 5, "stop")),
        (completion("", 0, "content_filter"), Response("", 0, "stop")),
        (completion("x", reason=None), Response("x", 1, "stop")),
        (completion("db://me:pa55@host"), Response("db://me:pa55@host", 1, "length")),  # no secret of this machine
        ({"choices": [{"message": "a b", "finish_reason": "STOP"}]}, Response("a b", 2, "stop")),
        ({"choices": [{"message": None, "delta": {"content": "a b"}}]}, Response("a b", 2, "stop")),
        (completion(None, 4, "stop", refusal="I cannot."), Response("I cannot.", 4, "stop")),
        (completion("a", -1, "MAX_TOKENS"), Response("a", 1, "length")),
        ("\n".join(map(json.dumps, EVENTS)), Response("Fine, you?", 3, "length")),
        (STREAM, Response("Fine, you?", 3, "length")),
    ],
)
def test_odd_replies_that_are_answers(server, body, response):
    server.reply = lambda asked: (200, body)
    assert ask(server.url) == dict.fromkeys(range(9), response)


@pytest.mark.parametrize("body", [BUSY, {"choices": []}, "upstream timed out", {"choices": [None]}, "[]", "null"])
def test_a_reply_without_an_answer_is_asked_for_again(server, body):
    server.script = [body] * 3
    assert len(ask(server.url, concurrency=1)) == 9
    assert len(server.bodies) == 9 + 3


@pytest.mark.parametrize(
    ("body", "words", "requests"),
    [
        (BUSY, "answers without choices: Upstream is too busy", 1 + server_connection.RETRIES),
        ({"choices": []}, "answers without choices", 1 + server_connection.RETRIES),
        (completion(7), "answers with something that is no text: 7", 1 + server_connection.RETRIES),
        (completion("a", 1, "abort"), "breaks off its answer (finish reason abort)", 1 + server_connection.RETRIES),
        (" ", "answers with nothing", 1 + server_connection.RETRIES),
        ("upstream timed out", "text/plain instead of JSON: 'upstream timed out'", 1 + server_connection.RETRIES),
        ("<!doctype html><title>UI</title>", "text/html instead of JSON: '<!doctype", 1),
        ({"error": {"message": "no such key", "code": 401}}, "no such key", 1),
        ('data: {"error": {"message": "broken pipe"}}\n\n', "broken pipe", 1 + server_connection.RETRIES),
    ],
)
def test_a_server_that_never_answers_is_quoted(server, body, words, requests):
    server.reply = lambda asked: (200, body)
    with pytest.raises(UserError, match=re.escape(words)):
        ask(server.url, concurrency=1)
    assert len(server.bodies) == requests


def test_a_prompt_that_fails_each_time_is_named_and_finished_answers_are_kept(server):
    for status, words in ((500, "refuses a request: 500"), (429, "lower 'generation.concurrency'"), (200, "choices")):
        server.reply, found = refuses(4, status=status, body={"error": "no slot"}), {}
        with pytest.raises(UserError, match=f"^prompt 'key 4': .*{words}.*answers are kept.*'ifeval.prompts'$"):
            found.update(itertools.chain.from_iterable(batches(server.url)))
        assert found
        assert 4 not in found


def refuses(*numbers, status=400, body=None):
    def reply(asked):
        text = asked["messages"][-1]["content"]
        if int(text.split()[-1]) in numbers:
            return status, body or {"error": {"message": "This model's context holds 64 tokens", "code": status}}
        return 200, completion(text, 2)

    return reply


@pytest.mark.parametrize("status", [400, 413, 422, 200])
def test_prompts_that_are_refused_are_named_and_empty(server, status):
    said = []
    server.reply = refuses(2, 5, status=400 if status == 200 else status)
    if status == 200:
        inner = server.reply
        server.reply = lambda asked: (200, inner(asked)[1])
    found = ask(server.url, said)
    assert [found[number] for number in (2, 5)] == [Response("", 0, "refused")] * 2
    assert all(found[number].text == f"prompt {number}" for number in set(range(9)) - {2, 5})
    assert len(said) == 2
    assert "prompt 'key 2' is refused" in said[0]
    assert "context holds 64 tokens" in said[0]


def test_if_all_prompts_are_refused_it_is_an_error_and_none_is_answered(server):
    server.reply, found = refuses(*range(9)), {}
    with pytest.raises(UserError, match="refuses every prompt: 400: This model's context"):
        found.update(itertools.chain.from_iterable(batches(server.url)))
    assert not found
    many = [[{"role": "user", "content": f"prompt {number}"}] for number in range(500)]
    server.reply = refuses(*range(500))
    server.bodies.clear()
    with pytest.raises(UserError, match="refuses every prompt"):
        ask(server.url, asked=many)
    assert len(server.bodies) <= server_client.REFUSED_AT_MOST + 4


def test_prompts_that_are_refused_when_others_were_answered_before_are_named(server):
    said, count = [], server_client.REFUSED_AT_MOST + 5
    many = [[{"role": "user", "content": f"prompt {number}"}] for number in range(count)]
    server.reply = refuses(*range(count))
    found = ask(server.url, said, many, done={0})
    assert found == dict.fromkeys(range(1, count), Response("", 0, "refused"))
    assert len(said) == count - 1


def test_refusals_that_come_before_the_first_answer_do_not_end_the_run(server):
    said, count = [], server_client.REFUSED_AT_MOST + 5
    many = [[{"role": "user", "content": f"prompt {number}"}] for number in range(count + 9)]
    refusing = refuses(*range(count))

    def reply(asked):
        status, body = refusing(asked)
        if status == 200:
            time.sleep(1.0)
        return status, body

    server.reply = reply
    found = ask(server.url, said, many, concurrency=count + 2)
    assert len(found) == len(many)
    assert sum(response.finish_reason == "refused" for response in found.values()) == len(said) == count


def test_servers_with_another_name_for_the_limit(server):
    def reply(asked):
        if "max_tokens" in asked:
            return 400, {"error": {"message": "use 'max_completion_tokens' instead", "param": "max_tokens"}}
        return 200, completion(str(asked["max_completion_tokens"]), 1)

    server.reply = reply
    assert ask(server.url) == dict.fromkeys(range(9), Response("20", 1, "length"))
    assert len(server.bodies) <= 9 + 3  # it is found out once, by those that are under way


@pytest.mark.parametrize("asked", [None, ["prompt 0", "prompt 1"]])
def test_a_refusal_of_a_length_that_names_both_limits_is_none_of_the_name(server, asked):
    long = "'max_tokens' or 'max_completion_tokens' is too large: 20. This model's maximum context length is 64 tokens"

    def reply(body):
        text = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
        return (400, {"error": {"message": long}}) if text == "prompt 1" else (200, completion(text, 2))

    server.reply, said = reply, []
    found = ask(server.url, said, **({"asked": asked} if asked else {}))
    assert found[1] == Response("", 0, "refused")
    assert found[0].new_tokens == 2
    assert len(said) == 1
    assert "prompt 'key 1' is refused" in said[0]
    assert all("max_tokens" in body for body in server.bodies)


def test_a_bare_prompt_keeps_the_name_of_the_limit(server):
    server.reply = lambda body: (400, {"error": {"message": "use 'max_completion_tokens' instead"}})
    with pytest.raises(UserError, match="refuses every prompt: 400: use"):
        ask(server.url, asked=["prompt 0", "prompt 1"])


@pytest.mark.parametrize("reasoning", [None, "hm"])
def test_empty_answers_are_told(server, reasoning):
    said = []
    server.script = [completion(None, 4, "stop", reasoning_content=reasoning)] * 2
    ask(server.url, said)
    assert len(said) == 1
    assert said[0].startswith("warning: 2 of 9 answers are empty (finish reason stop)")
    assert ("reasoning_content" in said[0]) == bool(reasoning)


@hypothesis.given(st.recursive(st.none() | st.integers() | st.text(max_size=5), _nested, max_leaves=12))
def test_no_body_is_a_traceback(value):
    for body in (value, {"choices": value}, {"choices": [value]}, completion(value), {"choices": [{"message": value}]}):
        for text in (json.dumps(body), f"data: {json.dumps(body)}"):
            with contextlib.suppress(server_reply.NoAnswer, server_reply.Refused):
                reply = server_reply.parse(text, "application/json")
                assert isinstance(reply.text, str)
                assert isinstance(reply.finish_reason, str)
