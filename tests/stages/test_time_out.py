"""An answer that takes too long ends the run with what to raise; raised, it keeps every finished answer."""

import json
import threading

import pytest
import yaml

from stages import baseline
from tests import tiny
from tests.tuning.chat_server import Server
from tuning.core.errors import UserError
from tuning.core.files import read_jsonl, write_jsonl
from tuning.core.paths import UNFINISHED
from tuning.generation import server_connection
from tuning.generation.answering import RESPONSES
from tuning.generation.task import PROMPTS

TEXTS = [f"prompt {number}" for number in range(5)]


class StuckServer(Server):
    """Answers no third request until it is freed."""

    def __init__(self):
        self.freed = threading.Event()
        super().__init__()

    @property
    def seconds(self):
        """What the handler sleeps before it answers."""
        if len(self.bodies) == 3:
            self.freed.wait()
        return 0

    @seconds.setter
    def seconds(self, value):
        pass


@pytest.fixture
def server():
    server = StuckServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.freed.set()
    server.shutdown()
    server.server_close()


def test_what_was_answered_in_time_is_not_asked_again(server, tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(server_connection, "RETRIES", 0)
    write_jsonl(PROMPTS, [{"key": key, "prompt": text} for key, text in enumerate(TEXTS)])

    def run(**generation):
        values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
        values["generation"].update(engine="openai", base_url=server.url, **generation)
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        baseline.main()

    with pytest.raises(UserError, match=r"generation\.timeout"):
        run(timeout=5, concurrency=1)
    assert not (RESPONSES / "base.jsonl").exists()
    server.freed.set()
    run(timeout=3600, concurrency=4, batch_size="auto")
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert asked[:3] == TEXTS[:3]
    assert sorted(asked[3:]) == TEXTS[2:]
    assert [row["response"] for row in read_jsonl(RESPONSES / "base.jsonl")] == [f"re: {text}" for text in TEXTS]
    assert json.loads(baseline.METRICS.read_text())["base"]["responses"] == len(TEXTS)
    assert not UNFINISHED.exists()
