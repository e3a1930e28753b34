"""Answers from a server: which requests are made, what is tried again, and what the user is told."""

import contextlib
import itertools
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import hypothesis
import pytest
from hypothesis import strategies as st

from tuning.config.own_keys import Generation
from tuning.core.errors import UserError
from tuning.generation import server_client, server_reply
from tuning.generation.decoding import Response

GENERATION = {
    "engine": "openai",
    "base_url": "",
    "base_model": None,
    "tuned_model": "tuned",
    "concurrency": 3,
    "timeout": 30,
    "batch_size": "auto",
    "num_batches": None,
    "system_prompt": None,
    "strip_thoughts": False,
    "max_new_tokens": 20,
    "do_sample": False,
}
SENT = {"max_new_tokens": 20, "do_sample": False}
ASKED = [[{"role": "user", "content": f"prompt {number}"}] for number in range(9)]


class Server(ThreadingHTTPServer):
    """Echoes the last message.

    ``script`` holds the statuses, or whole bodies of a status 200, with which it answers first, and ``reply``, if it
    is set, makes status and body from each request.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.bodies, self.keys, self.under_way, self.most = [], [], [], 0, 0
        self.lock, self.seconds, self.reply = threading.Lock(), 0.0, None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


def completion(content, tokens=None, reason="length", **message):
    """The body of an answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": reason}
    usage = {} if tokens is None else {"usage": {"prompt_tokens": 3, "completion_tokens": tokens}}
    return {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], **usage}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.bodies.append(body)
            self.server.keys.append(self.headers["Authorization"])
            self.server.under_way += 1
            self.server.most = max(self.server.most, self.server.under_way)
            scripted = self.server.script.pop(0) if self.server.script else 200
        time.sleep(self.server.seconds)
        with self.server.lock:
            self.server.under_way -= 1
        text = "re: " + body["messages"][-1]["content"]
        if scripted == 200 and self.server.reply is not None:
            self._send(*self.server.reply(body))
        elif scripted == 200:
            self._send(200, completion(text, len(text)))
        elif isinstance(scripted, int):
            self._send(scripted, {"error": {"message": "told so"}})
        else:
            self._send(200, scripted)

    def do_GET(self):
        self._send(200, {"object": "list", "data": [{"id": "base", "object": "model"}]})

    def _send(self, status, value):
        content = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        kind = "application/json" if not isinstance(value, str) else "text/html" if value[0] == "<" else "text/plain"
        self.send_response(status)
        for name, header in (("Content-Type", kind), ("retry-after-ms", "5")):
            self.send_header(name, header)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(server_client, "WAITS_S", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def batches(url, said=None, asked=ASKED, done=frozenset(), share=(0, 1), **changes):
    generation = Generation.model_validate({**GENERATION, "base_url": url, **changes})
    keys = [f"key {number}" for number in range(len(asked))]
    say = (lambda text: None) if said is None else said.append
    asking = server_client.Server(generation, "base", 7, keys, lambda text: len(text.split()), say)
    return server_client.generate(asking, asked, done, share)


def ask(url, *arguments, **changes):
    return dict(itertools.chain.from_iterable(batches(url, *arguments, **changes)))


def test_every_prompt_is_answered_and_no_more_are_under_way_than_allowed(server):
    server.seconds = 0.02
    found = ask(server.url)
    assert found == {number: Response(f"re: prompt {number}", 12, "length") for number in range(9)}
    assert server.most == 3


def test_only_what_is_open_and_ones_own_is_asked(server):
    assert set(ask(server.url, done={0, 4})) == {1, 2, 3, 5, 6, 7, 8}
    assert set(ask(server.url, share=(1, 2), done={3})) == {1, 5, 7}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_or_broken_server_is_asked_again(server, status):
    server.script = [status] * 3
    assert len(ask(server.url, concurrency=1)) == 9
    assert len(server.bodies) == 9 + 3


def test_a_server_that_stays_broken(server):
    server.script = [500] * 50
    with pytest.raises(UserError, match="refuses a request: 500: told so"):
        ask(server.url, concurrency=1)
    assert len(server.bodies) == 1 + server_client.RETRIES


def test_what_arrived_before_a_failure_is_not_lost(server):
    server.script, found = [200, 200, 403], {}
    with pytest.raises(UserError, match="403: told so"):
        found.update(itertools.chain.from_iterable(batches(server.url, concurrency=1)))
    assert set(found) == {0, 1}


def test_what_is_under_way_when_one_request_fails_is_not_lost(server):
    server.script, server.seconds, found = [200, 403], 0.05, {}
    with pytest.raises(UserError, match="403"):
        found.update(itertools.chain.from_iterable(batches(server.url, concurrency=4)))
    assert len(found) == len(server.bodies) - 1 >= 3


@pytest.mark.parametrize(
    ("status", "words"), [(404, "does not know the model 'base'; it has 'base' .told so"), (401, "OPENAI_API_KEY")]
)
def test_what_the_user_is_told(server, status, words):
    server.script = [status]
    with pytest.raises(UserError, match=words):
        ask(server.url, concurrency=1)


def test_no_server(monkeypatch):
    monkeypatch.setattr(server_client, "RETRIES", 0)
    with pytest.raises(UserError, match="'generation.base_url': no server answers at http://127.0.0.1:9"):
        ask("http://127.0.0.1:9/v1")


def test_an_answer_that_takes_too_long(server, monkeypatch):
    monkeypatch.setattr(server_client, "RETRIES", 0)
    server.seconds = 1.0
    with pytest.raises(UserError, match="longer than 'generation.timeout', 0.2 s"):
        ask(server.url, timeout=0.2)


def test_greedy_is_temperature_zero_and_leaves_out_what_only_samples():
    asked = server_client.request({**SENT, "temperature": 0.9, "top_k": 5, "repetition_penalty": 1.1}, 3)
    assert asked == {"temperature": 0, "seed": 3, "max_tokens": 20, "extra_body": {"repetition_penalty": 1.1}}


def test_sampling_and_stop_strings_under_the_names_of_the_interface():
    sampling = {"do_sample": True, "temperature": 0.9, "top_p": 0.8, "top_k": 5, "stop_strings": ["END"]}
    asked = server_client.request({**SENT, **sampling}, 3)
    options = {"temperature": 0.9, "top_p": 0.8, "stop": ["END"], "extra_body": {"top_k": 5}}
    assert asked == {"seed": 3, "max_tokens": 20, **options}


def test_a_prompts_seed_depends_on_the_seed_and_the_prompt(server):
    ask(server.url, do_sample=True)
    seeds = {body["messages"][0]["content"]: body["seed"] for body in server.bodies}
    server.bodies.clear()
    ask(server.url, do_sample=True, done={1, 2}, concurrency=1)
    assert all(seeds[body["messages"][0]["content"]] == body["seed"] for body in server.bodies)
    assert len(set(seeds.values())) == 9


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
        (BUSY, "answers without choices: Upstream is too busy", 1 + server_client.RETRIES),
        ({"choices": []}, "answers without choices", 1 + server_client.RETRIES),
        ("upstream timed out", "text/plain instead of JSON: 'upstream timed out'", 1 + server_client.RETRIES),
        ("<!doctype html><title>UI</title>", "text/html instead of JSON: '<!doctype", 1),
        ({"error": {"message": "no such key", "code": 401}}, "no such key", 1),
        ('data: {"error": {"message": "broken pipe"}}\n\n', "broken pipe", 1 + server_client.RETRIES),
    ],
)
def test_a_server_that_never_answers_is_quoted(server, body, words, requests):
    server.reply = lambda asked: (200, body)
    with pytest.raises(UserError, match=re.escape(words)):
        ask(server.url, concurrency=1)
    assert len(server.bodies) == requests


def test_the_address_without_its_last_part(server):
    server.reply = lambda asked: (200, "<!doctype html><title>UI</title>")
    url = server.url.removesuffix("/v1")
    with pytest.raises(UserError, match=rf"is the address {url}/v1\?"):
        ask(url)


def refuses(*numbers, status=400):
    def reply(asked):
        text = asked["messages"][-1]["content"]
        if int(text.split()[-1]) in numbers:
            return status, {"error": {"message": "This model's context holds 64 tokens", "code": status}}
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


def test_servers_with_another_name_for_the_limit(server):
    def reply(asked):
        if "max_tokens" in asked:
            return 400, {"error": {"message": "use 'max_completion_tokens' instead", "param": "max_tokens"}}
        return 200, completion(str(asked["max_completion_tokens"]), 1)

    server.reply = reply
    assert ask(server.url) == dict.fromkeys(range(9), Response("20", 1, "length"))
    assert len(server.bodies) <= 9 + 3  # it is found out once, by those that are under way


@pytest.mark.parametrize("reasoning", [None, "hm"])
def test_empty_answers_are_told(server, reasoning):
    said = []
    server.script = [completion(None, 4, "stop", reasoning_content=reasoning)] * 2
    ask(server.url, said)
    assert len(said) == 1
    assert said[0].startswith("warning: 2 of 9 answers are empty (finish reason stop)")
    assert ("reasoning_content" in said[0]) == bool(reasoning)


def test_an_address_without_a_scheme():
    with pytest.raises(UserError, match="must begin with http:// or https://: 'http://localhost:8000/v1'"):
        ask("localhost:8000/v1")


def test_a_key_with_a_line_break_at_its_end_is_taken_without(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-12345678\r\n")
    ask(server.url)
    assert set(server.keys) == {"Bearer sk-12345678"}
    for key in ("sk-1\nsk-2", "sk-ü"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(UserError, match="OPENAI_API_KEY holds") as raised:
            ask(server.url)
        assert "sk-" not in str(raised.value)


@pytest.mark.parametrize("status", [400, 401, 403, 500, 200])
def test_a_key_that_the_server_echoes_is_not_shown(server, monkeypatch, status):
    monkeypatch.setattr(server_client, "RETRIES", 0)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-12345678")
    server.reply = lambda asked: (status, {"error": {"message": "Bearer sk-12345678 is unknown"}})
    with pytest.raises(UserError) as raised:
        ask(server.url)
    assert "Bearer <OPENAI_API_KEY> is unknown" in str(raised.value)
    server.reply = lambda asked: (200, completion("You said sk-12345678."))
    assert ask(server.url)[0].text == "You said <OPENAI_API_KEY>."


def test_lone_surrogates_are_sent_as_what_utf_8_can_hold(server):
    found = ask(server.url, asked=[[{"role": "user", "content": "a\ud800b"}]])
    assert found[0].text == "re: a\ufffdb"


@hypothesis.given(st.recursive(st.none() | st.integers() | st.text(max_size=5), _nested, max_leaves=12))
def test_no_body_is_a_traceback(value):
    for body in (value, {"choices": value}, {"choices": [value]}, completion(value), {"choices": [{"message": value}]}):
        for text in (json.dumps(body), f"data: {json.dumps(body)}"):
            with contextlib.suppress(server_reply.NoAnswer, server_reply.Refused):
                reply = server_reply.parse(text, "application/json")
                assert isinstance(reply.text, str)
                assert isinstance(reply.finish_reason, str)
