"""Servers and gateways that break off in the middle of an answer, pack what they did not pack, or send on elsewhere."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.tuning.chat_server import ask, completion
from tuning.core.errors import UserError
from tuning.generation import server_connection

BODY = json.dumps(completion("Fine.", 2)).encode()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        status, headers, body = self.server.answer(self.path)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(BODY)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, *arguments):
        pass


@pytest.fixture
def gateway(monkeypatch):
    monkeypatch.setattr(server_connection, "RETRIES", 0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("answer", [(200, {}, BODY[:20]), (200, {"Content-Encoding": "gzip"}, BODY)])
def test_what_cannot_be_read_is_not_taken_for_no_server(gateway, answer):
    gateway.answer = lambda path: answer
    with pytest.raises(UserError, match=r"^prompt 'key \d': .* breaks off, or what it sends cannot be read \("):
        ask(gateway.url)


def elsewhere(status):
    sent_on = (status, {"Location": "/elsewhere", "Content-Length": "0"}, b"")
    return lambda path: (200, {}, BODY) if path == "/elsewhere" else sent_on


@pytest.mark.parametrize("status", [301, 302, 303])
def test_an_address_that_sends_on_is_named(gateway, status):
    gateway.answer = elsewhere(status)
    with pytest.raises(UserError, match="'generation.base_url': .*/v1 sends on to .*/elsewhere: set it to"):
        ask(gateway.url)


def test_one_that_keeps_the_request_is_followed(gateway):
    gateway.answer = elsewhere(307)
    assert {response.text for response in ask(gateway.url).values()} == {"Fine."}
