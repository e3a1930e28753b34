"""The configuration of a model comes from the Hub, or, where that does not answer, from the code."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.tiny import checked
from tests.tuning.estimates import estimator
from tuning.core.errors import UserError
from tuning.memory import known_models
from tuning.model import hub_connection


@pytest.mark.parametrize(
    ("name", "parameters"),
    [  # as the model cards and safetensors indices say
        ("Qwen/Qwen2.5-7B", 7_615_616_512),
        ("mistralai/Mistral-7B-v0.3", 7_248_023_552),
        ("meta-llama/Llama-3.1-8B", 8_030_261_248),
        ("google/gemma-2-2b-jpn-it", 2_614_341_888),
        ("google/recurrentgemma-9b", 8_579_977_216),
        ("microsoft/phi-2", 2_779_683_840),
    ],
)
def test_models_are_known_where_the_hub_is_not(params, name, parameters):
    model = estimator({**params, "model": name}, "cuda")
    assert model.weights.parameters == parameters
    assert model.run.model.dtype.itemsize == 2


@pytest.mark.parametrize("answers", [True, False])
def test_a_hub_that_does_not_answer_is_not_asked_for_each_file(params, monkeypatch, answers):
    asked = []

    def load_config(name, arguments):
        asked.append((name, arguments.get("local_files_only", False)))
        raise UserError("not here")

    monkeypatch.setattr(known_models, "unreachable", lambda: "" if answers else "it is silent")
    monkeypatch.setattr(known_models, "load_config", load_config)
    assert known_models.configuration(checked({**params, "model": "microsoft/phi-2"})).num_hidden_layers == 32
    assert asked == [("microsoft/phi-2", not answers)]


def test_a_hub_that_answers_is_reachable(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")  # where nothing listens
    assert "refused" in hub_connection.unreachable()
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        assert hub_connection.unreachable() == ""  # it answers, if only that it knows no HEAD
        server.shutdown()


def test_other_models_are_asked_of_the_hub(params):
    with pytest.raises(UserError, match="nobody/nothing"):
        known_models.configuration(checked({**params, "model": "nobody/nothing"}))
