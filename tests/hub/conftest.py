"""The Hub on loopback, and processes that use it."""

import json
import os
import subprocess
import sys
from copy import deepcopy

import pytest
import yaml

from tests import tiny
from tests.end_to_end.project import HANGS
from tests.hub.client import MARK
from tests.hub.server import Hub, running


def environment(hub, home):
    """Of a process that knows this Hub alone, with a cache and a login of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    more = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "PYTHONPATH": str(tiny.ROOT), "OMP_NUM_THREADS": "1"}
    return {**kept, **more, "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"}


class Client:
    """Asks one process to load one thing after the other."""

    def __init__(self, hub, home):
        self.values = tiny.params("nobody/nothing", "nobody/nothing", "nobody/nothing")
        command = [sys.executable, "-m", "tests.hub.client"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, env=environment(hub, home), cwd=home, **pipes)

    def load(self, what, token=None, **values):
        """What was loaded; ``values`` are those of params.yaml that differ, sections as mappings."""
        answer = self.ask(what, token, **values)
        assert not {"error", "fault"} & set(answer), answer
        return answer

    def error(self, what, token=None, **values):
        """The message with which the user would be told that it cannot be loaded."""
        answer = self.ask(what, token, **values)
        assert "error" in answer, answer
        return answer["error"]

    def ask(self, what, token=None, **values):
        asked = deepcopy(self.values)
        for name, value in values.items():
            asked[name] = asked[name] | value if name.endswith("_config") or name in ("data", "ifeval") else value
        variables = {"HF_TOKEN": token} if token else {}
        self.process.stdin.write(json.dumps({"load": what, "values": asked, "environment": variables}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
        raise AssertionError("the process has ended")


class Project:
    """A folder with params.yaml in which stages run, each as a process of its own."""

    def __init__(self, folder, hub):
        self.folder, self.hub = folder, hub
        self.home = folder / "home"
        self.home.mkdir()

    def write(self, values):
        (self.folder / "params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")

    def run(self, name, *arguments, token=None):
        """The stage's process when it has ended, and the requests that it made."""
        before = len(self.hub.requests)
        variables = environment(self.hub, self.home) | ({"HF_TOKEN": token} if token else {})
        command = [sys.executable, "-m", f"stages.{name}", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=variables, capture_output=True, text=True)
        return done, self.hub.requests[before:]

    def stage(self, name, *arguments, token=None):
        """The requests of a stage that has to succeed."""
        done, requests = self.run(name, *arguments, token=token)
        assert done.returncode == 0, done.stderr
        return requests


@pytest.fixture(scope="module")
def hub():
    with running(Hub()) as found:
        yield found


@pytest.fixture(scope="module")
def client(hub, tmp_path_factory):
    found = Client(hub, tmp_path_factory.mktemp("home"))
    yield found
    found.process.stdin.close()
    found.process.wait(timeout=HANGS)


@pytest.fixture(autouse=True)
def no_fault(hub):
    """A test that breaks the Hub does not break it for the next."""
    yield
    hub.fault, hub.cuts = None, 0
