"""What becomes of a tuned model: talked to, merged, exported with a card."""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from ifeval import scoring
from ifeval.instructions import build
from ifeval.records import Prompt
from stages import chat, export
from tests import loading, odd_checkpoints, tiny
from tuning.core.errors import UserError
from tuning.model import adapters, chat_template
from tuning.report import model_card

PROMPTS = [Prompt(key, "Say hello.", [build("punctuation:no_comma", {})]) for key in range(1, 5)]


@pytest.fixture
def project(tmp_path, tiny_model, monkeypatch):
    """A folder in which a tiny model has been trained and scored."""
    monkeypatch.chdir(tmp_path)
    Path("models/base").mkdir(parents=True)
    Path("models/base/tiny").symlink_to(tiny_model)
    params = tiny.params("models/base/tiny", "tatsu-lab/alpaca", "google/IFEval")
    write(params)
    train(params)
    texts = (dict.fromkeys(range(1, 5), "a, b"), {1: "a, b", 2: "c", 3: "d", 4: "e"})
    base, tuned = (scoring.judge_all(PROMPTS, responses) for responses in texts)
    scores = {"base": scoring.score(base), "tuned": scoring.score(tuned), "difference": scoring.difference(base, tuned)}
    for path, value in (
        ("data/report/scores.json", scores),
        ("metrics/train.json", {"steps": 4, "tokens": 1234, "validation_loss": 2.5, "validation_loss_before": 3.0}),
    ):
        Path(path).parent.mkdir(parents=True)
        Path(path).write_text(json.dumps(value))
    return params


@pytest.fixture
def other_end(project):
    """The same with a base whose own files name <|endoftext|> alone, while <|im_end|> ends a turn; it samples."""
    folder = Path("models/base/tiny")
    folder.unlink()
    special = {"eos_token": "<|endoftext|>", "bos_token": "<|im_start|>", "additional_special_tokens": ["<|im_end|>"]}
    odd_checkpoints.save(folder, **special)
    odd_checkpoints.change(folder / "generation_config.json", do_sample=True, temperature=0.7, top_p=0.8)
    train(project)
    return project


def write(params):
    Path("params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")


def train(params):
    """An adapter that changes what the model says."""
    torch.manual_seed(0)
    model = loading.adapted(params)
    for name, parameter in model.named_parameters():
        if "lora_B" in name or "prompt_encoder" in name:
            torch.nn.init.normal_(parameter, std=0.5)
    adapters.ADAPTER.mkdir(parents=True, exist_ok=True)
    loading.save(model, adapters.ADAPTER, params)
    loading.tokenizer(params).save_pretrained(adapters.ADAPTER)


def stage(name, *arguments, text=None):
    environment = {"PYTHONPATH": str(tiny.ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"stages.{name}", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, env=environment)


def exported(folder, adapter=False):
    """Exports in this process."""
    export.main(argparse.Namespace(folder=Path(folder), adapter=adapter, force=False, push=None, private=False))
    return Path(folder)


def talk(monkeypatch, capsys, said, **generation):
    """What chat, with the base model, prints in this process; the model writes up to 8 tokens."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["generation"] |= generation
    lines = iter([*said, "/quit"])
    monkeypatch.setattr(chat, "read_params", lambda: tiny.checked(params))
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    chat.main(argparse.Namespace(base=True, system=None, max_new_tokens=None))
    return capsys.readouterr()


def logits(model):
    with torch.inference_mode():
        return model(torch.arange(20)[None]).logits


def test_the_whole_model_is_the_base_with_lora_merged(project):
    done = stage("export", "out")
    assert done.returncode == 0, done.stderr
    tuned = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("models/base/tiny"), "models/adapter")
    merged = AutoModelForCausalLM.from_pretrained("out")
    torch.testing.assert_close(logits(merged), logits(tuned), atol=1e-4, rtol=1e-4)
    assert AutoTokenizer.from_pretrained("out").chat_template
    written, own = (Path(folder, "generation_config.json").read_bytes() for folder in ("out", "models/base/tiny"))
    assert written == own
    assert not (logits(merged) - logits(AutoModelForCausalLM.from_pretrained("models/base/tiny"))).abs().max() < 1e-2


@pytest.mark.parametrize("whole", [False, True])
def test_the_whole_model_stops_where_its_template_ends_a_turn(other_end, whole):
    if whole:
        other_end["full_finetuning"], other_end["lora"]["enabled"] = True, False
        write(other_end)
        shutil.rmtree(adapters.ADAPTER)
        train(other_end)
    out = exported("out")
    model, words = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    end = words.convert_tokens_to_ids("<|im_end|>")
    assert model.generation_config.eos_token_id == sorted([words.eos_token_id, end])
    model.lm_head.register_forward_hook(lambda layer, read, made: made.index_fill(-1, torch.tensor([end]), 1e3))
    ids = torch.tensor([chat_template.prompt_tokens(words, [{"role": "user", "content": "Say hello."}])])
    assert model.generate(ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :].tolist() == [end]


def test_all_else_in_its_generation_config_is_kept_and_it_is_the_same_again(other_end):
    out, again = exported("out"), exported("again")
    base, written = (
        json.loads(Path(folder, "generation_config.json").read_text()) for folder in ("models/base/tiny", out)
    )
    changed = {"eos_token_id", "_from_model_config"}
    assert {key: base[key] for key in base.keys() - changed} == {key: written[key] for key in written.keys() - changed}
    assert (written["temperature"], written["top_p"]) == (0.7, 0.8)
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    assert files == {path.name: path.read_bytes() for path in again.iterdir()}


def test_the_adapter_s_card_names_the_ends_that_the_base_does_not(other_end):
    ends = chat_template.end_tokens(loading.tokenizer(other_end))
    assert len(ends) == 2
    assert f"eos_token_id={ends})" in ModelCard.load(exported("out", adapter=True) / "README.md").text
    assert not Path("out/generation_config.json").exists()


def test_the_card_states_scores_and_data_and_its_front_matter_is_read_back(project):
    assert stage("export", "out").returncode == 0
    card = ModelCard.load("out/README.md")
    values = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert values["inst_level_strict_acc"] == 75.0
    assert card.data.datasets == ["tatsu-lab/alpaca"]
    assert card.data.library_name == "transformers"
    assert card.data.base_model is None  # a local folder is no model of the Hub
    for words in ("instruction level, strict | 0.0 (0.0 to 0.0) | 75.0 (", "lora.r | `4`", "Limits", "1234", "3.000"):
        assert words in card.text


def test_the_card_shows_what_automatic_values_became_and_any_value_in_one_cell(project):
    trained = json.loads(Path("metrics/train.json").read_text())
    Path("metrics/train.json").write_text(json.dumps(trained | {"auto": {"learning_rate": 0.002}}))
    project["lora"]["target_modules"] = "q_proj|v_proj"
    rows = str(model_card.card(tiny.checked(project), True, [])).splitlines()
    for row in (
        "| train.learning_rate | `0.002` |",
        r"| lora.target_modules | `q_proj\|v_proj` |",
        "| full_finetuning | `False` |",
        "| tokenizer | `None` |",
        "| model_config.dtype | `auto` |",
        "| tokenizer_config.padding_side | `left` |",
        "| unlikelihood.answers | `0` |",
    ):
        assert row in rows
    assert not [row for row in rows if row.startswith("| prompt_tuning")]


def test_the_card_gives_the_scores_to_google_ifeval_only_if_all_its_prompts_were_answered(project):
    for batches, named in ((None, ("google/IFEval", "IFEval")), (1, ("ifeval", "IFEval, 4 prompts of google/IFEval"))):
        project["generation"]["num_batches"] = batches
        results = model_card.card(tiny.checked(project), True, []).data.eval_results
        assert {(result.dataset_type, result.dataset_name) for result in results} == {named}


def test_the_adapter_alone(project):
    assert stage("export", "out", "--adapter").returncode == 0
    base = AutoModelForCausalLM.from_pretrained("models/base/tiny")
    PeftModel.from_pretrained(base, "out")
    card = ModelCard.load("out/README.md")
    assert card.data.library_name == "peft"
    assert "eos_token_id" not in card.text


def test_the_card_holds_no_secret_and_any_text(project, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijkl")
    project["train"]["run_name"] = "of hf_abcdefghijkl \ud800"
    monkeypatch.setattr(export, "read_params", lambda: tiny.checked(project))
    export.main(argparse.Namespace(folder=Path("out"), adapter=True, force=False, push=None, private=False))
    said = Path("out/README.md").read_text(encoding="utf-8")
    assert "of <HF_TOKEN> \\ud800" in said


def test_a_folder_that_exists_is_only_replaced_when_asked_and_only_if_it_holds_a_model(project):
    Path("out").mkdir()
    assert stage("export", "out", "--adapter", "--force").returncode == 0
    Path("out/mine.txt").write_text("mine")
    refused = stage("export", "out", "--adapter")
    assert refused.returncode == 1
    assert "out exists: name a new folder" in refused.stderr
    assert Path("out/mine.txt").is_file()
    assert stage("export", "out", "--adapter", "--force").returncode == 0
    assert not Path("out/mine.txt").exists()


@pytest.mark.parametrize("place", ["data", ".", "..", "models", "models/adapter", "params.yaml", "link"])
def test_nothing_else_is_replaced_even_when_asked(project, place):
    Path("link").symlink_to("data")
    kept = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    arguments = argparse.Namespace(folder=Path(place), adapter=True, force=True, push=None, private=False)
    with pytest.raises(UserError, match="name another folder|name a folder"):
        export.check(arguments, tiny.checked(project))
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == kept


@pytest.mark.parametrize("place", ["mine", "link", "mine/../mine", "words"])
def test_the_base_model_and_its_tokenizer_are_not_replaced_even_when_asked(project, tiny_model, place):
    for folder in ("mine", "words", "other"):
        shutil.copytree(tiny_model, folder)
    Path("link").symlink_to("mine")
    project["model"], project["tokenizer"] = "mine", "words"
    arguments = argparse.Namespace(folder=Path(place), adapter=True, force=True, push=None, private=False)
    with pytest.raises(UserError, match=r"that params\.yaml names: name another folder"):
        export.check(arguments, tiny.checked(project))
    arguments.folder = Path("other")
    export.check(arguments, tiny.checked(project))


def test_what_cannot_be_exported_is_said_before_anything_is_written(project):
    project["lora"]["enabled"], project["prompt_tuning"]["enabled"] = False, True
    write(project)
    done = stage("export", "out")
    assert done.returncode == 1
    assert "--adapter" in done.stderr
    Path("data/report/scores.json").unlink()
    done = stage("export", "out", "--adapter")
    assert done.returncode == 1
    assert "dvc repro" in done.stderr
    assert not Path("out").exists()


def test_pushing_without_a_token_is_refused_before_the_work(project):
    done = stage("export", "out", "--push", "someone/model")
    assert done.returncode == 1
    assert "there is no token for the Hub here" in done.stderr
    assert not Path("out").exists()


def test_a_conversation(project):
    done = stage("chat", text="Say hello.\n/new\n\nSay hello.\nSay hello.\n/quit\nnot read\n")
    assert done.returncode == 0, done.stderr
    answers = done.stdout.split("\n> ")[1:]
    assert len(answers) == 6  # three answers, a new start, an empty line, and the end
    assert answers[0].strip()
    assert answers[3] == answers[0] != answers[4]  # a new start, and a turn after it
    again = stage("chat", text="Say hello.\n")
    assert again.stdout.split("\n> ")[1] == answers[0]
    assert stage("chat", "--base", text="Say hello.\n").stdout.split("\n> ")[1] != answers[0]


def test_an_answer_is_what_generate_would_write_and_the_conversation_is_remembered(project):
    first, second = stage("chat", "--base", text="Say hello.\nAgain.\n").stdout.split("\n> ")[1:3]
    model, words = loading.base(project), loading.tokenizer(project)
    turns = [{"role": "user", "content": "Say hello."}]
    for answer in (first, second):
        ids = torch.tensor([chat_template.prompt_tokens(words, turns)])
        ends = chat_template.end_tokens(words)
        written = model.generate(ids, max_new_tokens=8, do_sample=False, eos_token_id=ends)[0, ids.shape[1] :]
        text = words.decode(written, skip_special_tokens=True)
        assert " ".join(answer.split()) == " ".join(text.split())
        turns += [{"role": "assistant", "content": text.strip()}, {"role": "user", "content": "Again."}]


def test_an_answer_ends_at_a_stop_string(project, monkeypatch, capsys):
    whole = talk(monkeypatch, capsys, ["Say hello."]).out.splitlines()[1]
    stop = whole[len(whole) // 2]
    cut = talk(monkeypatch, capsys, ["Say hello."], stop_strings=[stop]).out.splitlines()[1]
    assert stop in cut
    assert whole.startswith(cut)
    assert len(cut) < len(whole)


def test_beams_are_left_out_of_a_conversation_which_is_said_once(project, monkeypatch, capsys, recwarn):
    plain = talk(monkeypatch, capsys, ["Say hello.", "Again."])
    beams = talk(monkeypatch, capsys, ["Say hello.", "Again."], num_beams=3, early_stopping=True, length_penalty=0.5)
    said = [line for line in beams.out.splitlines() if "generation.num_beams" in line]
    assert len(said) == 1
    assert beams.out.replace(f"{said[0]}\n", "") == plain.out
    assert beams.err.count("num_beams") == plain.err.count("num_beams") == 0
    assert not [warning for warning in recwarn if "beam" in str(warning.message)]


def test_a_composite_model_s_context_is_that_of_its_text(tiny_tokenizer, capsys):
    from transformers import Gemma3Config

    config = Gemma3Config(text_config={"max_position_embeddings": 64})
    asked = []
    model = SimpleNamespace(config=config, device="cpu", generate=lambda input_ids, **how: asked.append(input_ids))
    turns = [
        {"role": "user", "content": "a long question " * 20},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "Say hello."},
    ]
    last = turns[2]
    chat.answer(model, tiny_tokenizer, turns, SimpleNamespace(max_new_tokens=8, stop_strings=None))
    assert turns == [last]
    assert asked[0].shape[1] <= 64 - 8
    assert "are left out" in capsys.readouterr().out


def test_chat_without_an_adapter_says_where_to_get_one(project):
    shutil.rmtree("models/adapter")
    done = stage("chat", text="hello\n")
    assert done.returncode == 1
    assert "dvc repro" in done.stderr
