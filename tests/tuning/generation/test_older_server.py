"""A server that has run since before the adapter was written is named; others are not."""

import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tuning.generation import older_server

OTHERS = "# TYPE process_start_time_seconds gauge\npython_info 1.0\n"


@pytest.fixture
def metrics():
    """A server whose page of metrics is ``text``, and whose clock goes ``ahead`` of ours by so many seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/metrics" and server.text else 404)
            self.end_headers()
            self.wfile.write(server.text.encode())

        def date_time_string(self, timestamp=None):
            return super().date_time_string(time.time() + server.ahead)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.text, server.ahead = "", 0.0
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def adapter(tmp_path):
    """A folder that was written an hour ago."""
    (tmp_path / "lora").mkdir()
    for file in (tmp_path / "config.json", tmp_path / "lora/weights"):
        file.write_text("x")
        os.utime(file, (time.time() - 3600,) * 2)
    return tmp_path


def said(server, adapter, hours_ago):
    server.text = f"{OTHERS}process_start_time_seconds {time.time() + server.ahead - 3600 * hours_ago}\n"
    return older_server.warning(f"http://127.0.0.1:{server.server_port}/v1/", adapter)


def test_a_server_that_has_run_since_before_the_adapter_was_written(metrics, adapter):
    assert re.search(r"has run since .* was written at .*: it may answer with an older", said(metrics, adapter, 2))
    assert said(metrics, adapter, 0.5) is None


@pytest.mark.parametrize("ahead", [-7200, 7200])
def test_its_clock_may_differ(metrics, adapter, ahead):
    metrics.ahead = ahead
    assert said(metrics, adapter, 2) is not None
    assert said(metrics, adapter, 0.5) is None


def test_a_server_that_does_not_tell(metrics, adapter):
    address = f"http://127.0.0.1:{metrics.server_port}/v1"
    assert older_server.warning(address, adapter) is None
    metrics.text = OTHERS
    assert older_server.warning(address, adapter) is None
    assert older_server.warning("http://127.0.0.1:9/v1", adapter) is None
