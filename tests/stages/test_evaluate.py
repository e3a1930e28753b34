"""Scoring a trained model on other prompts, without training again."""

import argparse
import csv
import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

from ifeval import difference, judge_all, read_prompts, score
from stages import evaluate
from tests import loading, tiny
from tuning.core.errors import UserError
from tuning.model import adapters

PROMPTS = [
    {"key": key, "prompt": f"Say {word}.", "instruction_id_list": [name], "kwargs": [{}]}
    for key, (word, name) in enumerate(
        [("yes", "punctuation:no_comma"), ("no", "startend:quotation"), ("hello", "punctuation:no_comma")]
    )
]


@pytest.fixture
def project(tmp_path, tiny_model, monkeypatch):
    """A folder in which a tiny model has been trained; ``project(*changes, ...)`` evaluates it."""
    monkeypatch.chdir(tmp_path)
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    Path("params.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    Path("mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in PROMPTS), encoding="utf-8")
    train(values, adapters.ADAPTER)

    def run(*changes, adapter=adapters.ADAPTER, out=None):
        changes = ["ifeval.prompts=mine.jsonl", *changes]
        evaluate.main(argparse.Namespace(set_param=list(changes), adapter=adapter, out=out))
        return json.loads((Path(out or "evaluated/mine") / "scores.json").read_text())

    run.values = values
    return run


def train(values, folder, seed=0):
    """An adapter that changes what the model says."""
    torch.manual_seed(seed)
    model = loading.adapted(values)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    folder.mkdir(parents=True, exist_ok=True)
    loading.save(model, folder, values)
    loading.tokenizer(values).save_pretrained(folder)


def lines(path):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def test_both_models_are_scored_and_compared(project, capsys):
    found = project()
    prompts = read_prompts("evaluated/mine/prompts.jsonl")
    base, tuned = (
        judge_all(prompts, {row["key"]: row["response"] for row in lines(f"evaluated/mine/{name}.jsonl")})
        for name in ("base", "tuned")
    )
    assert found["prompts"] == "mine.jsonl"
    assert found["tuned"] | score(tuned, 42) == found["tuned"]
    assert found["difference"] | difference(base, tuned, 42) == found["difference"]
    four = [value for name, value in score(tuned, 42).items() if name.endswith("_acc")]
    assert found["tuned"]["mean_acc"] == pytest.approx(sum(four) / 4)
    assert found["base"]["median_new_tokens"] == 8
    rows = list(csv.DictReader(Path("evaluated/mine/by_type.csv").read_text().splitlines()))
    assert [row["instruction"] for row in rows] == ["punctuation:no_comma", "startend:quotation"]
    assert float(rows[0]["base_strict"]) == found["base"]["by_type"]["punctuation:no_comma"]["strict_acc"]
    said = capsys.readouterr().out
    for words in ("3 prompts with 3 instructions", "up to 8 new tokens", "mean of the four", "loop", "median length"):
        assert words in said


def test_prepared_rows_that_say_what_a_prompt_says_are_counted(project, capsys):
    assert project()["overlapping_rows"] is None
    evaluate.TRAINED_ON.parent.mkdir(parents=True)

    def prepared(*requests):
        turns = ([{"role": "system", "content": "Say yes."}, {"role": "user", "content": text}] for text in requests)
        evaluate.TRAINED_ON.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in turns))
        return project()["overlapping_rows"]

    assert prepared("Say what you like.") == 0
    assert "warning" not in capsys.readouterr().out
    assert prepared("Say what you like.", "say YES", "Say no!") == 2
    assert "2 rows of data/prepared/train.jsonl" in (said := capsys.readouterr().out)
    assert "line 2 with prompt 0: 'say yes'" in said
    other = Path("models/other")
    train(project.values, other)
    assert project(adapter=other, out=Path("elsewhere"))["overlapping_rows"] is None
    assert project(adapter=adapters.ADAPTER.absolute(), out=Path("elsewhere"))["overlapping_rows"] == 2


def test_the_pipeline_s_files_stay_as_they_are(project):
    before = {path for path in Path().rglob("*") if path.is_file()}
    project()
    assert {path.parts[0] for path in Path().rglob("*") if path.is_file() and path not in before} == {"evaluated"}


def test_only_what_has_changed_is_answered_again(project, capsys):
    project()
    assert "answered before" not in capsys.readouterr().out
    project()
    assert capsys.readouterr().out.count("answered before") == 2
    train(project.values, Path("other"), seed=1)
    project(adapter=Path("other"), out=Path("elsewhere"))
    said = capsys.readouterr().out
    assert "base: answered before" in said
    assert "tuned: answered before" not in said
    assert lines("elsewhere/tuned.jsonl") != lines("evaluated/mine/tuned.jsonl")
    project("generation.max_new_tokens=4")
    assert "answered before" not in capsys.readouterr().out
    project("generation.num_batches=1", "generation.batch_size=2")
    assert len(lines("evaluated/mine/prompts.jsonl")) == 2


def test_an_interrupted_evaluation_goes_on(project):
    whole = project(out=Path("whole"))
    for path in evaluate.ANSWERS.iterdir():
        path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "write_jsonl", lambda path, rows: sys.exit("killed"))
        with pytest.raises(SystemExit):
            project(out=Path("again"))
    assert len(lines(next(Path("unfinished/evaluate-base").rglob("responses-0.jsonl")))) == 3
    assert project(out=Path("again")) == whole
    assert not Path("unfinished").exists()


def test_the_second_set_of_starter_prompts_gets_512_new_tokens(params):
    params["generation"]["max_new_tokens"] = "auto"
    params["ifeval"]["prompts"] = evaluate.UNSEEN
    assert tiny.checked(params).generation.arguments["max_new_tokens"] == 512
    params["ifeval"]["prompts"] = "data/starter/prompts.jsonl"
    assert tiny.checked(params).generation.arguments["max_new_tokens"] == 192


@pytest.mark.parametrize(("adapter", "said"), [("none", "--adapter: none is not a folder"), (None, "dvc repro")])
def test_nothing_trained(project, adapter, said):
    adapters.ADAPTER.rename("moved")
    with pytest.raises(UserError, match=said):
        project(adapter=Path(adapter) if adapter else adapters.ADAPTER)
