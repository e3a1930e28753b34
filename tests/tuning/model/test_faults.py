"""Checkpoints that cannot be used: one error that names the folder or file, before random weights are used."""

import json
import shutil

import pytest

from tests import odd_checkpoints, tiny
from tuning.core.errors import UserError
from tuning.model import faults
from tuning.model.base_model import load_model
from tuning.model.chat_template import load_tokenizer
from tuning.model.model_spec import model_spec


@pytest.fixture
def folder(tiny_model, tmp_path):
    return shutil.copytree(tiny_model, tmp_path / "model")


def load(folder):
    return load_model(model_spec(tiny.checked(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"))))


def tokenizer(folder):
    return load_tokenizer(tiny.checked(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl")))


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("BertConfig", {}, "bert is an encoder, which reads in both directions"),
        ("RobertaConfig", {}, "roberta is an encoder"),
        ("T5Config", {}, "t5 has an encoder and a decoder"),
        ("BartConfig", {}, "bart has an encoder and a decoder"),
        ("ViTConfig", {}, "transformers has none of the kind 'vit'"),
        (
            "LlamaConfig",
            {"architectures": ["LlamaForSequenceClassification"]},
            "saved as LlamaForSequenceClassification",
        ),
        ("Qwen2Config", {"architectures": ["Qwen2ForTokenClassification"]}, "saved as Qwen2ForTokenClassification"),
    ],
)
def test_what_is_no_causal_language_model(folder, kind, values, words):
    import transformers

    getattr(transformers, kind)(**values).save_pretrained(folder)
    with pytest.raises(UserError, match=f"no causal language model: .*{words}.*; name one"):
        load(folder)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("BertConfig", {"is_decoder": True}),
        ("GPT2Config", {"architectures": ["GPT2LMHeadModel"]}),
        ("Gemma3Config", {"architectures": ["Gemma3ForConditionalGeneration"]}),
        ("BloomConfig", {"architectures": None}),
    ],
)
def test_what_is_one(kind, values):
    import transformers

    faults.check_kind("model", getattr(transformers, kind)(**values))


def test_a_model_with_code_of_its_own_is_left_to_it(tmp_path):
    from transformers import PreTrainedConfig

    config = PreTrainedConfig()
    config.model_type = "their-own"
    with pytest.raises(UserError, match="none of the kind 'their-own'"):
        faults.check_kind("model", config)
    config.auto_map = {"AutoModelForCausalLM": "modeling.Model"}
    faults.check_kind("model", config)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def write(content):
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut, "is cut or damaged"),
        (write(b""), "is empty: fetch it again"),
        (write(b"<html>There is no such file</html>" * 9), "is cut or damaged"),
        (
            write(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n"),
            "pointer of Git LFS.*git lfs pull",
        ),
        (lambda path: path.unlink(), "has no weights: model.safetensors"),
    ],
)
def test_a_file_of_weights_that_is_not_whole(folder, damage, words):
    damage(folder / "model.safetensors")
    with pytest.raises(UserError, match=words):
        load(folder)


def test_parts_that_are_missing_or_cut(tiny_model, tmp_path):
    first, second, *others = odd_checkpoints.save_parts(tmp_path / "model", tiny_model)
    assert load(tmp_path / "model").num_parameters()
    cut(second)
    with pytest.raises(UserError, match=f"{second.name} is cut or damaged"):
        load(tmp_path / "model")
    first.unlink()
    with pytest.raises(UserError, match=rf"1 of {2 + len(others)} files of weights are missing, {first.name}: fetch"):
        load(tmp_path / "model")


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"weight_map": null}'])
def test_an_index_of_parts_that_cannot_be_read(tiny_model, tmp_path, content):
    odd_checkpoints.save_parts(tmp_path / "model", tiny_model)
    (tmp_path / "model/model.safetensors.index.json").write_text(content)
    with pytest.raises(UserError, match=r"model.safetensors.index.json is damaged"):
        load(tmp_path / "model")


@pytest.mark.parametrize("name", ["lm_head.weight", "model.layers.1.mlp.up_proj.weight"])
def test_a_tensor_that_is_missing(folder, name):
    odd_checkpoints.change_weights(folder, lambda weights: weights.pop(name))
    with pytest.raises(UserError, match=f"lack 1 of the model's tensors, such as {name}: is it a causal"):
        load(folder)


def test_tensors_of_other_names(folder):
    odd_checkpoints.change_weights(
        folder, lambda weights: [weights.update({f"other.{name}": weights.pop(name)}) for name in list(weights)]
    )
    with pytest.raises(UserError, match=r"lack 21 .*, and have other\.\S+ and 20 others that it has no place for"):
        load(folder)


def test_a_tensor_of_another_shape_is_named(folder):
    odd_checkpoints.change(folder / "config.json", intermediate_size=60)
    with pytest.raises(UserError, match=r"mlp\.down_proj\.weight is \(32, 64\) in its files and \(32, 60\) by"):
        load(folder)


def test_more_layers_than_the_files_have(folder):
    values = json.loads((folder / "config.json").read_text())
    values.pop("layer_types", None)
    (folder / "config.json").write_text(json.dumps(values | {"num_hidden_layers": 3}))
    with pytest.raises(UserError, match=r"lack 9 of the model's tensors, such as model\.layers\.2\."):
        load(folder)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (
            write(b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 12\n"),
            "tokenizer.json is a pointer of",
        ),
        (write(b""), "tokenizer.json is empty: fetch it again"),
        (write(b'{"version": '), "cannot be loaded: JSONDecodeError"),
    ],
)
def test_a_file_of_a_tokenizer_that_is_not_whole(folder, damage, words):
    damage(folder / "tokenizer.json")
    with pytest.raises(UserError, match=words):
        tokenizer(folder)


def test_a_folder_without_a_tokenizer(folder):
    for path in [*folder.glob("tokenizer*"), *folder.glob("special*"), *folder.glob("chat*")]:
        path.unlink()
    with pytest.raises(UserError, match="has no files of a tokenizer: set 'tokenizer' to the one"):
        tokenizer(folder)


def test_a_tokenizer_in_a_folder_below(folder):
    (folder / "words").mkdir()
    for path in [*folder.glob("tokenizer*"), *folder.glob("special*"), *folder.glob("chat*")]:
        path.rename(folder / "words" / path.name)
    values = tiny.params(str(folder), "rows.jsonl", "prompts.jsonl")
    values["tokenizer_config"]["subfolder"] = "words"
    assert load_tokenizer(tiny.checked(values)).eos_token == "<|im_end|>"


def test_a_file_named_as_a_model(folder):
    for how in (load, tokenizer):
        with pytest.raises(UserError, match=f"config.json' is a file: name the folder that it is in, '{folder}'"):
            how(folder / "config.json")


def test_an_adapter_beside_a_config(folder):
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "some/base"}')
    with pytest.raises(UserError, match=r"is a whole model with an adapter beside it.*remove adapter_config\.json"):
        load(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="is an adapter of some/base, and no whole model"):
        load(folder)


def test_weights_that_torch_did_not_save(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    (folder / "pytorch_model.bin").write_bytes(b"<html>There is no such file</html>")
    with pytest.raises(UserError, match="pytorch_model.bin is cut or damaged"):
        load(folder)


@pytest.mark.parametrize("values", [{"hidden_act": "none"}, {"rope_parameters": {"rope_type": "none"}}])
def test_a_config_that_no_model_can_be_made_of(folder, values):
    odd_checkpoints.change(folder / "config.json", **values)
    with pytest.raises(UserError, match="cannot be loaded: KeyError: 'none'"):
        assert model_spec(tiny.checked(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"))).parameters


@pytest.mark.parametrize(("content", "ends"), [("[]", []), ('{"eos_token_id": ["3", 3, true, null]}', [3])])
def test_end_tokens_that_are_none(folder, content, ends):
    from tuning.model.stored_ends import stored_ends

    (folder / "generation_config.json").write_text(content)
    odd_checkpoints.change(folder / "config.json", eos_token_id=None)
    assert stored_ends(str(folder), tiny.checked(tiny.params(str(folder), "rows.jsonl", "prompts.jsonl"))) == ends
