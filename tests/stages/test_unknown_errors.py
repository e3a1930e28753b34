"""An exception that nobody has thought of, in the middle of each stage and command: one message says what was done."""

import argparse
import json
import shutil
from pathlib import Path

import pytest
import yaml

from stages import baseline, chat, compare, estimate, evaluate, export, generate, ifeval, prepare, resources, train
from tests import tiny
from tuning.core.command import run


class Strange(Exception):
    """An exception of no library that is known."""


JUDGING = "judging the responses: InstructionError:"
# What is run, the function in which the exception arises, and what the message says was being done.
MIDDLES = [
    (prepare.main, "tuning.data.conversations._conversation", "reading rows.jsonl, line 1"),
    (prepare.main, "tuning.data.evaluation_prompts.read", "reading the prompts of prompts.jsonl"),
    (prepare.main, "tuning.data.instruction_rows.treat_all", "writing instructions into the rows"),
    (baseline.main, "stages.baseline.load_model", "loading MODEL"),
    (
        baseline.main,
        "tuning.generation.decoding.generate",
        "answering the prompts with MODEL; finished answers are kept",
    ),
    (train.main, "tuning.training.trainer.row_tokens", "turning the prepared rows into tokens"),
    (train.main, "tuning.training.fitting.add_adapter", "loading MODEL"),
    (train.main, "trl.SFTTrainer.train", "training; it can go on from its last checkpoint"),
    (train.main, "stages.train.save_adapter", "saving models/adapter; train can go on from its last checkpoint"),
    (generate.main, "stages.generate.load_tuned", "loading MODEL"),
    (
        generate.main,
        "tuning.generation.decoding.generate",
        "answering the prompts with MODEL; finished answers are kept",
    ),
    (ifeval.main, "ifeval.scoring.judge", f"{JUDGING} data/prepared/prompts.jsonl, line 1 (key 'first')"),
    (ifeval.main, "tuning.report.page.page", "writing the scores and data/report"),
    (resources.main, "stages.resources.training", "estimating the memory of MODEL"),
    (
        lambda: export.main(
            argparse.Namespace(folder=Path("out"), adapter=True, force=False, push=None, private=False)
        ),
        "tuning.report.model_card.card",
        "writing out",
    ),
    (lambda: compare.main(["one", "two"]), "stages.compare.compare", "comparing one, two"),
    (
        lambda: estimate.main(argparse.Namespace(set_param=[], device="cpu")),
        "tuning.memory.printed_estimate.show",
        "estimating the memory of MODEL",
    ),
    (
        lambda: chat.main(argparse.Namespace(base=True, system=None, max_new_tokens=None)),
        "stages.chat.answer",
        "answering",
    ),
]


EVALUATED = argparse.Namespace(
    set_param=["ifeval.prompts=prompts.jsonl"], adapter=Path("models/adapter"), out=Path("out")
)
MIDDLES += [
    (lambda: evaluate.main(EVALUATED), place, doing)
    for place, doing in [
        ("tuning.data.evaluation_prompts.read", "reading the prompts of prompts.jsonl"),
        ("stages.evaluate.load_model", "loading MODEL"),
        ("stages.evaluate.load_tuned", "loading MODEL"),
        ("tuning.generation.decoding.generate", "answering the prompts with MODEL; finished answers are kept"),
        ("ifeval.scoring.judge", f"{JUDGING} out/prompts.jsonl, line 1 (key 'first')"),
        ("tuning.report.evaluation.record", "writing the scores into out; finished answers are kept"),
    ]
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_model):
    """A folder in which all stages have run."""
    folder = tmp_path_factory.mktemp("finished")
    pairs = [(f"What is {number}?", f"It is {number}, of course.") for number in range(8)]
    rows = [{"instruction": asked, "output": said} for asked, said in pairs]
    prompts = [{"key": "first", "prompt": "Hi", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}]
    for name, content in (("rows.jsonl", rows), ("prompts.jsonl", prompts)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in content))
    (folder / "params.yaml").write_text(yaml.safe_dump(tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for stage in (prepare, baseline, train, generate, ifeval, resources):
            stage.main()
    return folder


@pytest.mark.parametrize(("main", "place", "doing"), MIDDLES, ids=[f"{n}-{m[1]}" for n, m in enumerate(MIDDLES)])
def test_it_is_one_message_that_says_what_was_being_done(
    finished, tiny_model, tmp_path, monkeypatch, capsys, main, place, doing
):
    def broken(*arguments, **options):
        raise Strange("a wheel\ncame off")

    shutil.copytree(finished, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setattr(place, broken)
    monkeypatch.setattr("builtins.input", lambda prompt: "Hello")
    monkeypatch.setattr("tuning.core.command.sys.argv", ["stage"])
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"tuning.core.command.sys.{stream}.reconfigure", lambda errors: None, raising=False)
    monkeypatch.delenv("DEBUG", raising=False)
    with pytest.raises(SystemExit) as ended:
        run(main)
    told = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    assert ended.value.code == 1
    assert len(told) == 1
    assert told[0].endswith(f"error: while {doing.replace('MODEL', str(tiny_model))}: Strange: a wheel came off")


def test_what_a_server_s_client_raises_names_the_prompt(monkeypatch):
    from tests.tuning.chat_server import ask
    from tuning.core.errors import UserError
    from tuning.generation import server_client

    def broken(*arguments):
        raise Strange("a wheel came off")

    monkeypatch.setattr(server_client.Client, "ask", broken)
    with pytest.raises(UserError, match=r"while asking the server for an answer to prompt 'key \d': Strange: a wheel"):
        ask("http://127.0.0.1:1/v1")
