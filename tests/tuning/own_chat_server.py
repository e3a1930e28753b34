"""A server as a stage starts it: ``own_chat_server.py PORT [fails|sick|dies]``; the standard library alone.

It starts a process of its own, as vLLM does, and prints both ids.
"""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT, MODE = int(sys.argv[1]), (sys.argv[2:] or ["well"])[0]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            self._send(503 if MODE == "sick" else 200, {})
        else:
            self._send(200, {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "vllm"}]})

    def do_POST(self):
        if MODE == "dies":
            print("out of memory", flush=True)
            os._exit(9)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        text = f"{body['model']} in {os.environ.get('RANK', 'no')} rank"
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "text": text, "finish_reason": "stop"}
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
        self._send(200, {**reply, "usage": {"completion_tokens": 5}})

    def _send(self, status, value):
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(f"processes {os.getpid()} {child.pid}", flush=True)
if MODE == "fails":
    sys.exit("\n".join([*(f"line {number}" for number in range(50)), "no such model"]))
ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
