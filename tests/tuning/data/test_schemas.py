"""Every schema is recognised, and a malformed row is named."""

import csv
import json
import re

import pytest
import yaml

from tuning.core.errors import UserError
from tuning.data import conversations


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def user(content):
    return {"role": "user", "content": content}


def assistant(content):
    return {"role": "assistant", "content": content}


@pytest.mark.parametrize(
    ("row", "prompt", "completion"),
    [
        ({"instruction": "Add.", "input": "1 and 2", "output": "3", "text": "x"}, [user("Add.\n\n1 and 2")], "3"),
        ({"instruction": "Add.", "input": "", "output": "3"}, [user("Add.")], "3"),
        (
            {"conversations": ["Hi.", "Hello.", "Bye.", "See you."]},
            [user("Hi."), assistant("Hello."), user("Bye.")],
            "See you.",
        ),
        ({"conversations": ["Hi.", "Hello.", "Bye."], "source": "x"}, [user("Hi.")], "Hello."),
        (
            {"conversations": [{"from": "human", "value": "Hi."}, {"from": "gpt", "value": "Hello."}]},
            [user("Hi.")],
            "Hello.",
        ),
        (
            {"prompt-id": "1", "prompt": "Hi.", "chosen": [user("Hi."), assistant("Hello.")], "chosen-rating": 5.0},
            [user("Hi.")],
            "Hello.",
        ),
        (
            {"prompt": "Hi.", "chosen": [user("Hi."), assistant("Hm?"), user("Hi!"), assistant("Hello.")]},
            [user("Hi."), assistant("Hm?"), user("Hi!")],
            "Hello.",
        ),
        (
            {
                "prompt": [{"role": "system", "content": "Be kind."}, user("Hi.")],
                "chosen": [user("Hi."), assistant("Hm?"), user("Hi!"), assistant("Hello.")],
            },
            [{"role": "system", "content": "Be kind."}, user("Hi."), assistant("Hm?"), user("Hi!")],
            "Hello.",
        ),
        (
            {"prompt": "Ho.", "chosen": [assistant("Hm?"), user("Hi!"), assistant("Hello.")]},
            [user("Ho."), assistant("Hm?"), user("Hi!")],
            "Hello.",
        ),
        (
            {"prompt": "Hi.", "chosen": [{"role": "system", "content": "Be kind."}, user("Hi. "), assistant("Hello.")]},
            [{"role": "system", "content": "Be kind."}, user("Hi.")],
            "Hello.",
        ),
        (
            {"prompt": "Go on.", "chosen": [assistant("Hm?"), user("Go on."), assistant("Hello.")]},
            [user("Go on."), assistant("Hm?"), user("Go on.")],
            "Hello.",
        ),
        (
            {
                "prompt": [user("A"), assistant("B"), user("C")],
                "chosen": [user("C"), assistant("D"), user("E"), assistant("Hello.")],
            },
            [user("A"), assistant("B"), user("C"), assistant("D"), user("E")],
            "Hello.",
        ),
        ({"prompt": "Hi.", "chosen": [user("Hey."), assistant("Hello.")]}, [user("Hi.")], "Hello."),
        (
            {
                "prompt": "Ho.",
                "chosen": [assistant("Hm?"), user("Hi."), assistant("What?"), user("Hi!"), assistant("Hello.")],
            },
            [user("Ho."), assistant("Hm?"), user("Hi."), assistant("What?"), user("Hi!")],
            "Hello.",
        ),
        (
            {"messages": [{"role": "system", "content": "Be kind."}, user("Hi."), assistant("Hello.")]},
            [{"role": "system", "content": "Be kind."}, user("Hi.")],
            "Hello.",
        ),
        ({"prompt": "Hi.", "completion": "Hello."}, [user("Hi.")], "Hello."),
        ({"prompt": [user("Hi.")], "completion": [assistant("Hello.")]}, [user("Hi.")], "Hello."),
        ({"prompt": "Hi.", "response": "Hello."}, [user("Hi.")], "Hello."),
    ],
)
def test_schemas(tmp_path, row, prompt, completion):
    ((place, conversation),) = conversations.read(write(tmp_path / "rows.jsonl", row))
    assert place.endswith("rows.jsonl, line 1")
    assert conversation.prompt == prompt
    assert conversation.completion == [assistant(completion)]


@pytest.mark.parametrize("kind", ["json", "csv", "parquet"])
def test_other_kinds_of_file(tmp_path, kind):
    rows = [
        {"instruction": "Add.", "input": "1, 2", "output": "3"},
        {"instruction": "Stop.", "input": "", "output": "x"},
    ]
    path = tmp_path / f"rows.{kind}"
    if kind == "json":
        path.write_text(json.dumps(rows))
    elif kind == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        from datasets import Dataset

        Dataset.from_list(rows).to_parquet(path)
    read = [conversation for _, conversation in conversations.read(str(path))]
    assert [conversation.prompt[0]["content"] for conversation in read] == ["Add.\n\n1, 2", "Stop."]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Add.", "input": "", "output": " "},
        {"instruction": "", "input": "", "output": "x"},
        {"conversations": ["Hi."]},
        {"messages": []},
    ],
)
def test_empty_rows_are_none(tmp_path, row):
    ((_, conversation),) = conversations.read(write(tmp_path / "rows.jsonl", row))
    assert conversation is None


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"a": 1, "b": 2}], ["line 1", "no known schema has the columns a, b", "instruction + output"]),
        ([{"prompt": "a", "response": "b"}, {"prompt": "a"}], ["line 2", "column 'response' is missing"]),
        ([{"prompt": ["a"], "response": "b"}], ["line 1", "'prompt' must hold text"]),
        ([{"messages": [{"role": "boss", "content": "x"}]}], ["line 1", "role 'boss'"]),
        ([{"prompt": "a", "chosen": [user("x")]}], ["line 1", "no turn of the assistant"]),
    ],
)
def test_malformed_rows_are_named(tmp_path, rows, words):
    with pytest.raises(UserError) as raised:
        list(conversations.read(write(tmp_path / "rows.jsonl", *rows)))
    for word in words:
        assert word in str(raised.value)


def test_files_that_cannot_be_read(tmp_path):
    (tmp_path / "broken.jsonl").write_text('{"prompt": "a", "response": "b"}\n{"prompt"')
    with pytest.raises(UserError, match=r"broken\.jsonl, line 2: not JSON"):
        list(conversations.read(str(tmp_path / "broken.jsonl")))
    for name in ("none.jsonl", "none.json", "none.csv"):
        with pytest.raises(UserError, match="there is no such file"):
            list(conversations.read(str(tmp_path / name)))
    (tmp_path / "rows.txt").write_text("x")
    with pytest.raises(UserError, match="must end with"):
        list(conversations.read(str(tmp_path / "rows.txt")))
    (tmp_path / "bad.parquet").write_text("x")
    with pytest.raises(UserError, match="cannot be read as a data set"):
        list(conversations.read(str(tmp_path / "bad.parquet")))


@pytest.mark.parametrize("name", ["tatsu-lab/alpaca", "GAIR/lima"])
def test_a_hub_that_cannot_be_reached_is_said(name):
    with pytest.raises(UserError, match="check the network, or name a local"):
        list(conversations.read(name))


def test_a_name_that_is_neither_file_nor_hub_id():
    with pytest.raises(UserError, match="neither a local file nor the id"):
        list(conversations.read("some where/else?"))


@pytest.mark.parametrize(
    ("columns", "advice"),
    [
        (["question", "answer"], "{prompt: question, completion: answer}"),
        (["instruction", "context", "response", "category"], "{input: context, output: response}"),
        (["input", "instruction", "response"], "{output: response}"),
        (["id", "context", "question", "answer"], "{instruction: question, input: context, output: answer}"),
        (["Instruction", "Input", "Output"], "{instruction: Instruction, input: Input, output: Output}"),
        (["instruction", "input", "answer"], "{output: answer}"),
    ],
)
def test_the_advised_columns_lose_nothing_of_the_request(tmp_path, columns, advice):
    row = {name: f"The {name}." for name in columns}
    file = write(tmp_path / "rows.jsonl", row)
    with pytest.raises(UserError, match=re.escape(f"can map other names to these: {advice}")):
        list(conversations.read(file))
    ((_, conversation),) = conversations.read(file, yaml.safe_load(advice))
    said = conversation.prompt[-1]["content"] + conversation.completion[-1]["content"]
    assert all(text in said for name, text in row.items() if name not in ("category", "id"))
