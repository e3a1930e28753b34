"""What becomes of a tuned model: merged, exported with a card."""

import argparse
import json
import shutil
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from stages import export
from tests import loading, odd_checkpoints, tiny
from tests.stages import tuned_project
from tests.stages.tuned_project import stage, train, write
from tuning.core.errors import UserError
from tuning.model import adapters, chat_template
from tuning.report import model_card


@pytest.fixture
def project(tmp_path, tiny_model, monkeypatch):
    """The folder of a tuned project."""
    monkeypatch.chdir(tmp_path)
    return tuned_project.make(tiny_model)


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


def exported(folder, adapter=False):
    """Exports in this process."""
    export.main(argparse.Namespace(folder=Path(folder), adapter=adapter, force=False, push=None, private=False))
    return Path(folder)


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


def test_the_card_of_two_adapters_says_how_both_are_loaded(project):
    assert "Two adapters" not in ModelCard.load(exported("one", adapter=True) / "README.md").text
    project["prompt_tuning"]["enabled"] = True
    write(project)
    shutil.rmtree(adapters.ADAPTER)
    train(project)
    out = exported("out", adapter=True)
    text = ModelCard.load(out / "README.md").text
    lines = text.split("```python\n")[1].split("```")[0]
    names = {"PeftModel": PeftModel, "folder": str(out)}
    exec(lines, names | {"base": AutoModelForCausalLM.from_pretrained("models/base/tiny")}, found := {})
    prompt = torch.arange(20)[None]
    with torch.inference_mode():
        expected = loading.tuned(project, adapters.ADAPTER)(prompt).logits
        torch.testing.assert_close(found["model"](prompt).logits, expected, atol=1e-4, rtol=1e-4)


def test_the_card_holds_no_secret_and_any_text(project, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefghijkl")
    project["train"]["run_name"] = "of hf_abcdefghijkl \ud800"
    monkeypatch.setattr(export, "read_params", lambda: tiny.checked(project))
    export.main(argparse.Namespace(folder=Path("out"), adapter=True, force=False, push=None, private=False))
    said = Path("out/README.md").read_text(encoding="utf-8")
    assert "of <HF_TOKEN> \\ud800" in said


@pytest.mark.slow
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
