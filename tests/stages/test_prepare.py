"""What prepare drops, mixes and keeps apart, and that it counts all of it."""

import json
from collections import Counter

import pytest
import yaml

from stages import prepare
from tests import tiny
from tuning.core.errors import UserError
from tuning.core.paths import UNFINISHED
from tuning.data import own_answers

PROMPT = {"key": 7, "prompt": "Write a short poem about the old harbour at night, without any comma."}
PROMPT |= {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"keywords": None}]}


@pytest.fixture
def project(tmp_path, monkeypatch, tiny_model):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts.jsonl").write_text(json.dumps(PROMPT) + "\n")

    def run(rows, dataset="rows.jsonl", seed=42, **data):
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        values = tiny.params(str(tiny_model), dataset, "prompts.jsonl")
        values["seed"] = seed
        values["data"].update({"num_val": 1, **data})
        values["train"]["max_length"] = 90
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
        prepare.main()
        train = [json.loads(line) for line in (prepare.PREPARED / "train.jsonl").read_text().splitlines()]
        return train, json.loads(prepare.METRICS.read_text())

    return run


def row(question, answer="Yes."):
    return {"prompt": question, "response": answer}


ROWS = [row(f"Question {number}?") for number in range(6)]


def test_empty_and_repeated_rows_are_dropped_and_counted(project):
    train, metrics = project([*ROWS, row("Q?", " "), ROWS[0], ROWS[1]])
    assert metrics["dropped"] == {"empty": 1, "duplicate": 2, "over_length": 0, "contaminated": 0}
    assert metrics["rows"] == {"train": 5, "validation": 1, "own_answers": 0, "followed_by_itself": 0}
    assert len(train) == 5
    assert train[0]["completion"] == [{"role": "assistant", "content": "Yes."}]


INSTRUCTIONS = {"fraction": 1, "variants": 2, "per_row": [1], "types": ["startend:quotation"]}
INSTRUCTIONS |= {"max_words": None, "short": 0, "keep_untouched": True}


def test_the_model_s_own_answers_become_rows_of_their_own_and_are_cleared_when_all_is_written(project, monkeypatch):
    asked, folders, cleared = [], [], []

    def answers(prompts, tokenizer, params, folder, new_tokens):
        folders.append(folder)
        asked.extend(prompts)
        return ["It is so.", None, *["So it is."] * (len(prompts) - 2)]

    def remove(folder):
        assert folder.parent == UNFINISHED / "prepare"
        cleared.append((prepare.PREPARED / "train.jsonl").is_file() and prepare.METRICS.is_file())
        assert [folder] == folders

    monkeypatch.setattr(own_answers, "own_answers", answers)
    monkeypatch.setattr(prepare, "remove", remove)
    foreign = row("Auf Deutsch?", "Ein Fahrrad ist ein Fahrzeug mit zwei Rädern.")
    train, metrics = project([*ROWS, foreign], self_distill=True)
    assert metrics["rows"] == {"train": 10, "validation": 1, "own_answers": 4, "followed_by_itself": 0}
    assert [turns[0]["content"] for turns in asked] == [row["prompt"][0]["content"] for row in train[:5]]
    assert [row["completion"][0]["content"] for row in train[6:]] == ["It is so."] + 3 * ["So it is."]
    assert cleared == [True]


def test_what_the_model_follows_by_itself_is_followed_in_its_own_words(project, monkeypatch):
    asked = []

    def answers(prompts, tokenizer, params, folder, new_tokens):
        asked.append(prompts)
        (folder / f"own-answers-{new_tokens}-0.jsonl").touch()
        follow = ["One. Two. Three. Four.", "No way, not at all, in no case: it is far too long for that.", None]
        return [None] * len(prompts) if len(asked) == 1 else (follow * len(prompts))[: len(prompts)]

    monkeypatch.setattr(own_answers, "own_answers", answers)
    section = INSTRUCTIONS | {"variants": 1, "types": ["length_constraints:number_words", "startend:quotation"]}
    train, metrics = project(
        [row(f"Question {number}?", "It is so, I think.") for number in range(20)],
        self_distill=True,
        instructions=section,
    )
    counted = [row for row in train if not row["completion"][0]["content"].startswith('"')]
    assert [row["prompt"] for row in counted] == asked[1]
    assert 0 < metrics["rows"]["followed_by_itself"] < len(counted) < len(train)
    said = Counter(row["completion"][0]["content"] for row in counted)
    assert set(said) <= {
        "It is so, I think.",
        "One. Two. Three. Four.",
        "No way, not at all, in no case: it is far too long for that.",
    }
    assert len(counted) - said["It is so, I think."] == metrics["rows"]["followed_by_itself"]
    assert len(asked) == 2
    assert not UNFINISHED.exists()


def test_own_answers_are_found_again_by_what_they_depend_on(project, monkeypatch):
    found = {}

    def answers(prompts, tokenizer, params, folder, new_tokens):
        found.setdefault(folder, []).append(params)
        return [None] * len(prompts)

    monkeypatch.setattr(own_answers, "own_answers", answers)
    for seed, num_val in ((42, 1), (42, 2), (7, 1)):
        project(ROWS, seed=seed, num_val=num_val, self_distill=True)
    assert [[params.seed for params in each] for each in found.values()] == [[42, 42], [7]]


def test_rows_with_instructions_are_counted_and_shown(project):
    train, metrics = project(ROWS, instructions=INSTRUCTIONS)
    assert metrics["rows"] == {"train": 10, "validation": 1, "own_answers": 0, "followed_by_itself": 0}
    assert metrics["instructions"] == {"rows_by_type": {"startend:quotation": 10}, "failed_by_type": {}}
    assert {row["completion"][0]["content"] for row in train} == {'"Yes."'}
    assert '**assistant:** "Yes."' in (prepare.PREPARED / "sample.md").read_text()
    validation = (prepare.PREPARED / "validation.jsonl").read_text()
    assert '"content": "Yes."' in validation  # untouched


def test_instructions_that_no_row_can_carry(project):
    with pytest.raises(UserError, match="no row is left to train on.*keep_untouched"):
        project(ROWS, instructions=INSTRUCTIONS | {"types": ["detectable_format:title"], "keep_untouched": False})


def test_rows_without_an_instruction_are_counted_and_said(project, capsys):
    listed = [row(f"Tell me {name}.", "\n".join(["- one more word"] * 4)) for name in "abc"]
    instructions = INSTRUCTIONS | {"max_words": 10, "keep_untouched": False}
    train, metrics = project([*ROWS, *listed], instructions=instructions)
    left_out = metrics["dropped"]["too_long_to_instruct"]
    assert left_out == 9 - 1 - len(train) // 2
    told = f"note: {left_out} of 8 rows got no instruction and are left out: to train on them, set"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "advised"),
    [
        ({"fraction": 0.0}, "or 'data.instructions.fraction' higher"),
        ({"types": ["combination:two_responses"]}, "to true"),
    ],
)
def test_the_advice_is_what_lets_fewer_rows_be_left_out(project, change, advised):
    with pytest.raises(
        UserError, match="no row is left to train on.*'data.instructions.keep_untouched' to true"
    ) as raised:
        project(ROWS, instructions=INSTRUCTIONS | {"keep_untouched": False} | change)
    assert str(raised.value).endswith(advised)


def test_a_model_that_only_a_server_has_needs_no_configuration(project, tiny_model, monkeypatch):
    monkeypatch.setattr(tiny, "params", changed_to_served(tiny.params, str(tiny_model)))
    assert len(project(ROWS)[0]) == 5


def changed_to_served(params, tokenizer):
    def served(*arguments):
        values = params(*arguments) | {"model": "llama3.1:8b", "tokenizer": tokenizer}
        values["generation"]["engine"] = "openai"
        return values

    return served


def test_an_unknown_type_is_named_and_what_is_there_stays(project):
    project(ROWS)
    before = (prepare.PREPARED / "train.jsonl").read_bytes()
    with pytest.raises(UserError, match="'data.instructions.types': unknown id 'startend:quotations'"):
        project(ROWS, instructions=INSTRUCTIONS | {"types": ["startend:quotations"]})
    assert (prepare.PREPARED / "train.jsonl").read_bytes() == before


@pytest.mark.parametrize(("over_length", "rows"), [("drop", 6), ("truncate", 7)])
def test_long_rows_are_dropped_or_left_to_be_cut(project, over_length, rows):
    _, metrics = project([*ROWS, row("Tell me.", "word " * 100)], over_length=over_length)
    assert metrics["dropped"]["over_length"] == 7 - rows
    assert sum(metrics["rows"].values()) == rows


@pytest.mark.parametrize(("decontaminate", "rows"), [(True, 6), (False, 8)])
def test_rows_that_repeat_an_evaluation_prompt(project, decontaminate, rows):
    exact = row("write a SHORT poem about the old harbour at night without any comma")
    part = row("Please write a short poem about the old harbour at dawn.")
    train, metrics = project([*ROWS, exact, part], decontaminate=decontaminate)
    assert sum(metrics["rows"].values()) == rows
    assert metrics["contamination"]["rows"] == 2
    assert metrics["contamination"]["share"] == pytest.approx(2 / 8)
    assert ["exact" in match for match in metrics["contamination"]["matches"]] == [True, False]
    assert all("prompt 7" in match and "rows.jsonl, line" in match for match in metrics["contamination"]["matches"])


def test_overlaps_that_stay_are_counted_once_a_row(project):
    part = row("Please write a short poem about the old harbour at dawn.", "It is dark. It is late. The sea is calm.")
    instructions = INSTRUCTIONS | {"keep_untouched": False}
    _, metrics = project([*ROWS, part], num_val=0, decontaminate=False, instructions=instructions)
    assert metrics["rows"]["train"] > 2
    assert metrics["contamination"]["rows"] == 1
    assert metrics["contamination"]["share"] <= 1


def test_columns_of_ones_own(project):
    rows = [{"question": f"Q{number}?", "answer": "A."} for number in range(4)]
    train, _ = project(rows, columns={"prompt": "question", "response": "answer"})
    assert train[0]["prompt"][0]["content"].startswith("Q")
    with pytest.raises(
        UserError, match="'data.columns' names 'reply', but the columns of this row are question, answer"
    ):
        project(rows, columns={"prompt": "question", "response": "reply"})


def test_a_list_of_data_sets(project, tmp_path):
    (tmp_path / "more.jsonl").write_text("".join(json.dumps(row(f"More {number}?")) + "\n" for number in range(20)))
    train, metrics = project(ROWS, dataset=[{"name": "rows.jsonl", "weight": 1}, {"name": "more.jsonl", "weight": 2}])
    assert sum(metrics["rows"].values()) == 18


def test_a_row_of_two_data_sets_is_used_once(project, tmp_path, capsys):
    (tmp_path / "more.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in [*ROWS[:3], row("More?"), row("Why?")])
    )
    train, metrics = project(ROWS, dataset=[{"name": "rows.jsonl", "weight": 3}, "more.jsonl"], num_val=2)
    assert metrics["dropped"]["duplicate"] >= 1
    assert metrics["dropped"]["duplicate"] + sum(metrics["rows"].values()) == 8
    assert metrics["rows"]["train"] == len({json.dumps(row) for row in train})
    out = capsys.readouterr().out
    assert "mix: 6 of 6 rows of rows.jsonl" in out
    assert "mix: 2 of 5 rows of more.jsonl" in out


def test_a_data_set_that_gives_no_row_is_named(project, tmp_path):
    (tmp_path / "more.jsonl").write_text(json.dumps(row("Q?", " ")) + "\n" + json.dumps(row("Q?", "w " * 200)) + "\n")
    with pytest.raises(UserError, match=r"no row of more.jsonl is left to train on \(1 empty, 1 over length\)"):
        project(ROWS, dataset=["rows.jsonl", "more.jsonl"])
    (tmp_path / "more.jsonl").write_text(json.dumps(row("Why?")) + "\n")
    with pytest.raises(UserError, match=r"with these weights the mix has none of the 6 rows of rows.jsonl"):
        project(ROWS, dataset=["rows.jsonl", {"name": "more.jsonl", "weight": 1000}])


@pytest.mark.parametrize("name", ["data/starter/promptz", "google/IFEval@"])
def test_evaluation_prompts_that_are_not_there_are_named_by_their_key(project, tmp_path, name):
    project(ROWS)
    values = yaml.safe_load((tmp_path / "params.yaml").read_text())
    values["ifeval"]["prompts"] = name
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"^ifeval\.prompts: "):
        prepare.main()


def test_the_split_depends_on_the_seed_only(project):
    assert project(ROWS) == project(ROWS)
