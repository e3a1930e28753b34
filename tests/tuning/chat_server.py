"""A server of chat completions on loopback that answers as it is told, and what asks it."""

import itertools
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tuning.config.own_keys import Generation
from tuning.generation import server_client
from tuning.generation.server_connection import Server as Connection

GENERATION = {
    "engine": "openai",
    "base_url": "",
    "serve": None,
    "serve_adapter": None,
    "base_model": None,
    "tuned_model": "tuned",
    "concurrency": 3,
    "timeout": 3600,
    "batch_size": "auto",
    "num_batches": None,
    "base_template": "auto",
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
    is set, makes status and body from each request. ``models`` is what it lists.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.bodies, self.keys, self.under_way, self.most = [], [], [], 0, 0
        self.lock, self.seconds, self.reply = threading.Lock(), 0.0, None
        self.models = [{"id": "base", "object": "model"}]

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
        text = "re: " + (str(body["prompt"]) if "prompt" in body else body["messages"][-1]["content"])
        if scripted == 200 and self.server.reply is not None:
            self._send(*self.server.reply(body))
        elif scripted == 200:
            reply = completion(text, len(text))
            if self.path.endswith("/v1/completions"):  # of a bare prompt: a text, and no message
                reply["choices"] = [{"index": 0, "finish_reason": "stop", "text": text}]
            self._send(200, reply)
        elif isinstance(scripted, int):
            self._send(scripted, {"error": {"message": "told so"}})
        else:
            self._send(200, scripted)

    def do_GET(self):
        self._send(200, {"object": "list", "data": self.server.models})

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


def batches(
    url, said=None, asked=ASKED, done=frozenset(), share=(0, 1), ends=(), token_ids=None, known=None, **changes
):
    """Batches of responses; ``known`` is what else the server is told of the prompts."""
    generation = Generation.model_validate({**GENERATION, "base_url": url, **changes})
    keys = [f"key {number}" for number in range(len(asked))]
    say = (lambda text: None) if said is None else said.append
    known = {"ends": ends, "token_ids": token_ids, **(known or {})}
    asking = Connection(generation, "base", 7, keys, lambda text: len(text.split()), say, **known)
    return server_client.generate(asking, asked, done, share)


def ask(url, *arguments, **changes):
    return dict(itertools.chain.from_iterable(batches(url, *arguments, **changes)))
