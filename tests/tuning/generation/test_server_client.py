"""Answers from a server: which requests are made, what is tried again, and what the user is told."""

import itertools

import pytest

from tests.tuning.chat_server import ask, batches, completion
from tuning.core.errors import UserError
from tuning.generation import server_connection
from tuning.generation.decoding import Response
from tuning.generation.sequence import own_seed


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
    assert len(server.bodies) == 1 + server_connection.RETRIES


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
    monkeypatch.setattr(server_connection, "RETRIES", 0)
    with pytest.raises(UserError, match="'generation.base_url': no server answers at http://127.0.0.1:9"):
        ask("http://127.0.0.1:9/v1")


def test_an_answer_that_takes_too_long(server, monkeypatch):
    monkeypatch.setattr(server_connection, "RETRIES", 0)
    server.seconds = 1.0
    with pytest.raises(UserError, match="longer than 'generation.timeout', 0.2 s"):
        ask(server.url, timeout=0.2)


def test_a_prompts_seed_depends_on_the_seed_and_the_prompt(server):
    ask(server.url, do_sample=True)
    seeds = {body["messages"][0]["content"]: body["seed"] for body in server.bodies}
    server.bodies.clear()
    ask(server.url, do_sample=True, done={1, 2}, concurrency=1)
    assert all(seeds[body["messages"][0]["content"]] == body["seed"] for body in server.bodies)
    assert len(set(seeds.values())) == 9


def test_the_address_without_its_last_part(server):
    server.reply = lambda asked: (200, "<!doctype html><title>UI</title>")
    url = server.url.removesuffix("/v1")
    with pytest.raises(UserError, match=rf"is the address {url}/v1\?"):
        ask(url)


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
    monkeypatch.setattr(server_connection, "RETRIES", 0)
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


@pytest.mark.parametrize("asked", ["a\ud800b", "a\ud800b and more"])
def test_lone_surrogates_in_a_bare_prompt_are_sent_too(server, asked):
    sent = asked.replace("\ud800", "\ufffd")
    assert ask(server.url, asked=[asked])[0].text == f"re: {sent}"


def test_a_prompts_seed_is_what_it_was():
    assert own_seed(7, "Why?") == 0x5342C745
    assert own_seed(7, [1, 2]) == 0x222C62A3


def test_a_bare_prompt_is_continued_and_not_put_into_a_conversation(server):
    asked = ["Once upon a time", "A bare prompt"]
    assert [ask(server.url, None, asked)[index].text for index in (0, 1)] == [f"re: {text}" for text in asked]
    assert all("messages" not in body for body in server.bodies)
