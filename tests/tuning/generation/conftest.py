"""A server to ask, without the waits between tries."""

import threading

import pytest

from tests.tuning.chat_server import Server
from tuning.generation import server_connection


@pytest.fixture
def server():
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(server_connection, "WAITS_S", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
