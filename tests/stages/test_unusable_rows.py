"""One bad row is named, or dropped and counted; it never ends prepare with a traceback."""

import gzip
import json
from types import SimpleNamespace

import pytest
import yaml

from stages import prepare
from tests import tiny
from tuning.core.errors import UserError
from tuning.data import evaluation_prompts, mixing, preparation

PROMPT = {"key": 7, "prompt": "Say hello.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
ROWS = [{"prompt": f"Question {number}?", "response": "Yes."} for number in range(6)]
TURNS = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('take turns') }}"
    "{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
)


@pytest.fixture
def prepared(tmp_path, monkeypatch, tiny_model):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.jsonl").write_text(json.dumps(PROMPT) + "\n")

    def run(dataset, max_length=60, **data):
        values = tiny.params(str(tiny_model), dataset, "prompts.jsonl")
        values["data"].update({"num_val": 1, **data})
        values["train"]["max_length"] = max_length
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        prepare.main()
        names = ("train", "validation")
        lines = [line for name in names for line in (prepare.PREPARED / f"{name}.jsonl").read_text().splitlines()]
        return [json.loads(line) for line in lines], json.loads(prepare.METRICS.read_text())["dropped"]

    return run


NOTHING = {"empty": 0, "duplicate": 0, "over_length": 0, "contaminated": 0}
BAD = [
    ('{"prompt"', "not_json", "not JSON"),
    ('{"prompt": "Q?", "response": {"text": "x"}}', "not_text", "'response' must hold text, not dict"),
    ('{"prompt": "Q?", "response": NaN}', "not_text", "'response' must hold text, not nan"),
    ('{"prompt": [{"role": "boss", "content": "x"}], "response": "x"}', "unknown_role", "the role 'boss'"),
    ('{"prompt": "Q?"}', "missing_column", "'response' is missing"),
]


@pytest.mark.parametrize(("line", "reason", "message"), BAD)
def test_a_bad_row_is_named_or_counted(prepared, tmp_path, capsys, line, reason, message):
    (tmp_path / "rows.jsonl").write_text("\n".join([*map(json.dumps, ROWS), line]))
    for on_error in ("auto", "stop"):
        with pytest.raises(UserError, match=f"rows.jsonl, line 7: .*{message}.*'data.on_error: drop' goes on"):
            prepared("rows.jsonl", on_error=on_error)
    rows, dropped = prepared("rows.jsonl", on_error="drop")
    assert len(rows) == 6
    assert dropped == NOTHING | {reason: 1}
    assert "dropped: rows.jsonl, line 7" in capsys.readouterr().out


def test_bad_rows_of_the_hub_are_dropped_unless_it_is_to_stop(prepared, monkeypatch):
    class Table(list):
        cache_files, info = (), SimpleNamespace(features={})

    monkeypatch.setattr("tuning.data.hub_datasets.commit_of", lambda *_: "0" * 40)
    monkeypatch.setattr("datasets.load_dataset", lambda *_, **__: Table([*ROWS, {"prompt": "Q?", "response": 0.5}]))
    assert prepared("some/dataset")[1] == NOTHING | {"not_text": 1}
    with pytest.raises(UserError, match="some/dataset, row 7: 'response' must hold text, not float"):
        prepared("some/dataset", on_error="stop")


def test_a_row_that_the_template_refuses(prepared, tmp_path, monkeypatch):
    twice = {"messages": [*[{"role": "user", "content": "x"}] * 2, {"role": "assistant", "content": "y"}]}
    good = [{"messages": [{"role": "user", "content": row["prompt"]}, twice["messages"][2]]} for row in ROWS]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, [*good, twice])))
    monkeypatch.setattr(prepare, "load_tokenizer", lambda params: tiny.tokenizer(TURNS))
    with pytest.raises(UserError, match=r"line 7: the model's chat template or tokenizer refuses it: take turns"):
        prepared("rows.jsonl")
    assert prepared("rows.jsonl", on_error="drop")[1] == NOTHING | {"refused_by_template": 1}


def test_numbers_and_special_tokens_are_their_characters(prepared, tmp_path):
    answers = ["007", "12", "1.50", "true", '"<|im_end|> ends a turn"', '"None"']
    rows = [f'{{"prompt": "Q{number}?", "response": {answer}}}' for number, answer in enumerate(answers[1:])]
    (tmp_path / "rows.json").write_text("[" + ",\n".join(rows) + "]")
    (tmp_path / "rows.csv").write_text("prompt,response\nQ?,007\nR?,\nS?,N/A\n")
    rows, dropped = prepared("rows.json")
    expected = {"12", "1.50", "true", "<|im_end|> ends a turn", "None"}
    assert {row["completion"][0]["content"] for row in rows} == expected
    rows, dropped = prepared("rows.csv")
    assert {row["completion"][0]["content"] for row in rows} == {"007", "N/A"}
    assert dropped == NOTHING | {"empty": 1}


@pytest.mark.parametrize(("over_length", "rows"), [("drop", 6), ("truncate", 7)])
def test_a_row_of_millions_of_characters_is_never_tokenised_whole(prepared, tmp_path, monkeypatch, over_length, rows):
    longest, tokens = [], preparation.row_tokens

    def measured(tokenizer, prompt, completion):
        longest.append(sum(len(turn["content"]) for turn in prompt + completion))
        return tokens(tokenizer, prompt, completion)

    monkeypatch.setattr(preparation, "row_tokens", measured)
    big = {"prompt": "Go on.", "response": "on and " * 300_000}
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, [*ROWS, big])))
    found, dropped = prepared("rows.jsonl", over_length=over_length)
    assert len(found) == rows
    assert dropped["over_length"] == 7 - rows
    assert max(longest) <= 1_100_000


def test_a_row_far_beyond_what_any_model_reads_needs_a_limit(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "MOST_CHARACTERS", 1000)
    big = {"prompt": "Go on.", "response": "on and " * 1000}
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, [*ROWS, big])))
    with pytest.raises(UserError, match=r"rows.jsonl, line 7: this row has 7,005 characters.*'train.max_length'"):
        prepared("rows.jsonl", max_length=None)
    assert len(prepared("rows.jsonl")[0]) == 6


def test_each_data_set_of_a_mix_has_its_own_columns(prepared, tmp_path):
    own = [{"question": f"More {number}?", "answer": "No."} for number in range(6)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    (tmp_path / "own.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, own)).encode()))
    columns = {"prompt": "question", "response": "answer"}
    rows, _ = prepared(["rows.jsonl", {"name": "own.jsonl.gz", "columns": columns, "weight": 1}])
    assert {row["completion"][0]["content"] for row in rows} == {"Yes.", "No."}
    for wrong in ("question", {"prompt": 1}):
        with pytest.raises(UserError, match="the columns of 'own' must map"):
            mixing.sources([{"name": "own", "columns": wrong}])


@pytest.mark.parametrize("name", ["p.jsonl", "p.json", "p.json.gz", "p.csv"])
def test_prompts_come_in_the_same_kinds_of_file(tmp_path, name):
    rows = [PROMPT | {"key": "1"}, PROMPT | {"key": "2", "kwargs": [{"x": None}]}]
    text = "\n\n".join(map(json.dumps, rows)) if name.endswith("l") else json.dumps(rows, indent=1)
    if name.endswith("csv"):
        quoted = json.dumps(PROMPT["instruction_id_list"]).replace('"', '""')
        text = "key,prompt,instruction_id_list,kwargs\n" + "".join(
            f'{row["key"]},{row["prompt"]},"{quoted}",[{{}}]\n' for row in rows
        )
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode("utf-16"))
    found = evaluation_prompts.read(str(tmp_path / name))
    assert found == [row | {"kwargs": [{}]} for row in rows]


def test_prompts_whose_kwargs_are_padding(tmp_path):
    row = {key: value for key, value in PROMPT.items() if key != "kwargs"}
    lines = [json.dumps(row | {"key": 1, "kwargs": float("nan")}), json.dumps(row | {"key": 2, "kwargs": [None]})]
    (tmp_path / "p.jsonl").write_text("\n".join([*lines, json.dumps(row | {"key": 3})]))
    assert evaluation_prompts.read(str(tmp_path / "p.jsonl")) == [
        row | {"key": key, "kwargs": [{}]} for key in (1, 2, 3)
    ]
    quoted = json.dumps(PROMPT["instruction_id_list"]).replace('"', '""')
    (tmp_path / "p.csv").write_text(f'key,prompt,instruction_id_list,kwargs\n1,{PROMPT["prompt"]},"{quoted}",\n')
    assert evaluation_prompts.read(str(tmp_path / "p.csv")) == [PROMPT | {"key": "1", "kwargs": [{}]}]


def test_malformed_prompts_are_named_with_their_own_line(tmp_path):
    path = tmp_path / "p.json"
    path.write_text("[" + ",\n".join(map(json.dumps, [PROMPT, PROMPT | {"key": 8, "kwargs": []}])) + "]")
    with pytest.raises(UserError, match=r"p\.json, row 2 \(line 2\): 1 instruction ids but 0 kwargs"):
        evaluation_prompts.read(str(path))
    (tmp_path / "p.jsonl").write_text(f"\n{json.dumps(PROMPT)}\n\n{json.dumps(PROMPT)}\n")
    with pytest.raises(UserError, match=r"p\.jsonl, line 4: the key 7 already stands in line 2$"):
        evaluation_prompts.read(str(tmp_path / "p.jsonl"))
    (tmp_path / "p.jsonl").write_text("\n")
    with pytest.raises(UserError, match=r"p\.jsonl: there is no row in it"):
        evaluation_prompts.read(str(tmp_path / "p.jsonl"))
