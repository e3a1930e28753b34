"""Answers from a server: which requests are made, what is tried again, and what the user is told."""

import itertools
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tuning.config.own_keys import Generation
from tuning.core.errors import UserError
from tuning.generation import server_client
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
    "base_template": "auto",
    "system_prompt": None,
    "max_new_tokens": 20,
    "do_sample": False,
}
ASKED = [[{"role": "user", "content": f"prompt {number}"}] for number in range(9)]


class Server(ThreadingHTTPServer):
    """Echoes the last message; ``script`` holds the statuses with which it answers first."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.bodies, self.under_way, self.most = [], [], 0, 0
        self.lock, self.seconds = threading.Lock(), 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.bodies.append(body)
            self.server.under_way += 1
            self.server.most = max(self.server.most, self.server.under_way)
            status = self.server.script.pop(0) if self.server.script else 200
        time.sleep(self.server.seconds)
        with self.server.lock:
            self.server.under_way -= 1
        text = "re: " + body["messages"][-1]["content"]
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "length"}
        usage = {"prompt_tokens": 3, "completion_tokens": len(text), "total_tokens": 3 + len(text)}
        answer = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        self._send(status, {**answer, "usage": usage} if status == 200 else {"error": {"message": "told so"}})

    def do_GET(self):
        self._send(200, {"object": "list", "data": [{"id": "base", "object": "model"}]})

    def _send(self, status, value):
        content = json.dumps(value).encode()
        self.send_response(status)
        for name, header in (("Content-Type", "application/json"), ("retry-after-ms", "5")):
            self.send_header(name, header)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def section(**changes):
    return Generation.model_validate(GENERATION | changes)


def asked_of(url, **changes):
    return server_client.Server(section(base_url=url, **changes), "base", 7)


def ask(url, done=frozenset(), share=(0, 1), **changes):
    found = {}
    for batch in server_client.generate(asked_of(url, **changes), ASKED, done, share):
        found.update(batch)
    return found


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
    with pytest.raises(UserError, match="refuses a request.*500.*told so"):
        ask(server.url, concurrency=1)
    assert len(server.bodies) == 1 + server_client.RETRIES


def test_what_arrived_before_a_failure_is_not_lost(server):
    server.script = [200, 200, 400]
    batches, found = server_client.generate(asked_of(server.url, concurrency=1), ASKED), {}
    with pytest.raises(UserError, match="400"):
        found.update(itertools.chain.from_iterable(batches))
    assert set(found) == {0, 1}


def test_what_is_under_way_when_one_request_fails_is_not_lost(server):
    server.script, server.seconds = [200, 400], 0.05
    batches, found = server_client.generate(asked_of(server.url, concurrency=4), ASKED), {}
    with pytest.raises(UserError, match="400"):
        found.update(itertools.chain.from_iterable(batches))
    assert len(found) == len(server.bodies) - 1 >= 3


@pytest.mark.parametrize(
    ("status", "words"), [(404, "does not know the model 'base'; it has 'base'"), (401, "OPENAI_API_KEY")]
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
    given = section(temperature=0.9, top_k=5, repetition_penalty=1.1).arguments
    asked = server_client.request(given, 3)
    assert asked == {"temperature": 0, "seed": 3, "max_tokens": 20, "extra_body": {"repetition_penalty": 1.1}}


def test_sampling_and_stop_strings_under_the_names_of_the_interface():
    sampling = {"do_sample": True, "temperature": 0.9, "top_p": 0.8, "top_k": 5, "stop_strings": ["END"]}
    asked = server_client.request(section(**sampling).arguments, 3)
    options = {"temperature": 0.9, "top_p": 0.8, "stop": ["END"], "extra_body": {"top_k": 5}}
    assert asked == {"seed": 3, "max_tokens": 20, **options}


def test_a_prompts_seed_depends_on_the_seed_and_the_prompt(server):
    ask(server.url, do_sample=True)
    seeds = {body["messages"][0]["content"]: body["seed"] for body in server.bodies}
    server.bodies.clear()
    ask(server.url, do_sample=True, done={1, 2}, concurrency=1)
    assert all(seeds[body["messages"][0]["content"]] == body["seed"] for body in server.bodies)
    assert len(set(seeds.values())) == 9
