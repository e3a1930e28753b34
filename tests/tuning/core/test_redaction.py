"""No token, key or password of the environment is printed or written, in whatever form."""

import html
import io
import json
import os
import subprocess
import sys
from urllib.parse import quote

import pytest

from tests.tiny import ROOT
from tuning.core import redaction
from tuning.core.errors import explained
from tuning.core.redaction import redact_stream, redacted, redacted_bytes, without_secrets

ODD = "a1/+=&\"b\\c<d>'é"  # of signs that some form writes otherwise


@pytest.fixture(autouse=True)
def _no_other_secrets(monkeypatch, tmp_path):
    for name in list(os.environ):
        if redaction._NAMES.search(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "none"))
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)


@pytest.mark.parametrize("name", redaction.VARIABLES)
@pytest.mark.parametrize(
    "form",
    [str, json.dumps, html.escape, lambda text: html.escape(json.dumps(text)), lambda text: quote(text, safe="")],
)
@pytest.mark.parametrize("secret", ["hf_abcdefghijk", ODD])
def test_every_form_of_a_secret(monkeypatch, name, form, secret):
    monkeypatch.setenv(name, f" {secret}\n")
    text = form(f"x {secret} y")
    assert redacted(text) == form("x KEY y").replace("KEY", f"<{name}>")
    assert redacted_bytes(json.dumps(secret, ensure_ascii=False).encode()) == f'"<{name}>"'.encode()


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "WANDB_API_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "secret"]
)
def test_secrets_that_only_the_name_makes_known(monkeypatch, name):
    monkeypatch.setenv(name, "wJalrXUtnFEMI/K7MDENG/bPxRf")
    assert redacted("wJalrXUtnFEMI/K7MDENG/bPxRf") == f"<{name}>"
    monkeypatch.setenv(name, "hf_onlylettersofthehub")
    assert redacted("hf_onlylettersofthehub") == f"<{name}>"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSH_KEY", str(ROOT / "params.yaml")),  # a file
        ("SOME_KEY", "instructions-of-rows"),  # words
        ("MY_TOKEN", "x1"),  # short
        ("A_KEY", "two words, of which 1 is long"),
        ("KEYBOARD", "abcdefghijklmnop1234567890"),
        ("OPENAI_API_KEY", "EMPTY"),
        ("OPENAI_API_KEY", "placeholder"),
        ("OPENAI_API_KEY", "Anything"),
        ("HF_TOKEN", ""),
    ],
)
def test_words_and_files_are_no_secrets(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert redacted(f"x {value} y") == f"x {value} y"


def test_a_token_that_begins_with_another_is_taken_out_whole(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    monkeypatch.setenv("OPENAI_API_KEY", "hf_abcdefghijkl")
    assert redacted("hf_abcdefghijkl, hf_abcdefgh") == "<OPENAI_API_KEY>, <HF_TOKEN>"


def test_the_token_that_hf_auth_has_left(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("hf_ofthefile\n")
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert redacted("it is hf_ofthefile.") == "it is <token of hf auth>."
    (tmp_path / "elsewhere").write_bytes(b"\xff\xff")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "elsewhere"))
    assert redacted("it is hf_ofthefile.") == "it is hf_ofthefile."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at http://me:pa55@host:80/v1: no", "at http://<name and password>@host:80/v1: no"),
        ("'https://:x@host'", "'https://<name and password>@host'"),
        ("http://host:80/a@b, c:d@e", "http://host:80/a@b, c:d@e"),
        ('{"url": "http://host", "b": "c@d"}', '{"url": "http://host", "b": "c@d"}'),
    ],
)
def test_a_password_in_an_address_is_printed_by_no_message(text, shown):
    assert redacted(text) == shown
    assert redacted_bytes(text.encode()) == text.encode()  # it may be part of the data
    assert without_secrets(text) == text


def test_a_secret_is_not_cut_in_two_by_a_long_message(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijkl")
    assert "hf_" not in explained(ValueError("x" * 1993 + "hf_abcdefghijkl"))


def test_streams(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijkl")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    for _ in range(2):
        redact_stream(stream)
    assert stream.write("a hf_abcdefghijkl") == 17
    print("b hf_abcdefghijkl", file=stream, flush=True)
    assert stream.buffer.getvalue() == b"a <HF_TOKEN>b <HF_TOKEN>\n"


def test_whatever_a_command_prints(tmp_path):
    code = (
        "import logging, sys, warnings, tqdm\n"
        "from tuning.core.command import run\n"
        "def main():\n"
        "    print('one hf_abcdefghijkl')\n"
        "    logging.warning('two hf_abcdefghijkl')\n"
        "    warnings.warn('three hf_abcdefghijkl')\n"
        "    tqdm.tqdm.write('four hf_abcdefghijkl')\n"
        "    tqdm.tqdm(total=1, desc='five hf_abcdefghijkl').close()\n"
        "    raise KeyError('six hf_abcdefghijkl')\n"
        "run(main)"
    )
    environment = {**os.environ, "HF_TOKEN": "hf_abcdefghijkl", "PYTHONPATH": str(ROOT), "DEBUG": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert "hf_abcdefghijkl" not in said
    assert all(f"{word} <HF_TOKEN>" in said for word in ("one", "two", "three", "four", "five", "six"))
