"""What the section ``lora`` names and the model does not have, or cannot take up, is said before weights are loaded."""

import json

import pytest

from tests import loading, odd_checkpoints, tiny, tiny_architectures
from tests.tuning.estimates import estimator
from tuning.core.errors import UserError
from tuning.model.adapter_faults import check_base, check_lora

SOME = ["q_proj"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"modules_to_save": ["nope"]}, "'lora.modules_to_save': the model has no module named 'nope'; it has model, "),
        ({"modules_to_save": ["norm", "lm_haed"]}, "no module named 'lm_haed'; did you mean 'lm_head'"),
        ({"target_modules": ["q_proj", "v_prj"]}, "'lora.target_modules': .* 'v_prj'; did you mean 'v_proj'"),
        ({"target_modules": ["mlp.q_proj"]}, "'lora.target_modules': .* 'mlp.q_proj'"),
        ({"target_modules": "q_proj"}, "no module's whole name, such as 'model.layers.0.self_attn.q_proj', .*q_proj]"),
        ({"target_modules": "(q_proj"}, r"'lora.target_modules': '\(q_proj' is no regular expression"),
        ({"target_modules": ["mlp"]}, "does not fit .*: Target module LlamaMLP"),
        ({"exclude_modules": ["gate"]}, "'lora.exclude_modules': .* named 'gate'"),
        ({"exclude_modules": ".*gate"}, "'lora.exclude_modules': no module's whole name"),
        ({"target_modules": SOME, "layers_to_transform": [0, 2]}, "in a layer 2; the layers .* from 0 to 1"),
        ({"target_modules": SOME, "layers_to_transform": 1, "layers_pattern": "h"}, "below 'h'"),
        ({"rank_pattern": {"q_prj": 2}}, "'lora.rank_pattern': .* 'q_prj'; did you mean 'q_proj'"),
        ({"target_modules": SOME, "alpha_pattern": {"v_proj": 2}}, "'lora.alpha_pattern': .* of 'lora.target_modules'"),
        ({"rank_pattern": {"q_proj": 2, "(v": 1}}, r"'lora.rank_pattern': '\(v' is no regular expression"),
        ({"target_parameters": ["experts.up"]}, "'lora.target_parameters': .* no parameter named 'experts.up'"),
        ({"trainable_token_indices": {"wte": [1]}}, "'lora.trainable_token_indices': .* 'wte'"),
        ({"trainable_token_indices": [3, 99999]}, "'lora.trainable_token_indices': 99999 is no token: .* 0 to 799"),
        ({"lora_bias": True}, "'lora.lora_bias': 'model.layers.0.self_attn.q_proj' has no bias"),
    ],
)
def test_names_that_nothing_has(params, changes, words):
    params["lora"].update(changes)
    with pytest.raises(UserError, match=words) as raised:
        assert estimator(params).trained
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"modules_to_save": ["lm_head", "model.norm"]},
        {"target_modules": None, "rank_pattern": {"v_proj": 2}},
        {"target_modules": ["self_attn.q_proj", "embed_tokens"], "exclude_modules": ["layers.0.self_attn.q_proj"]},
        {"target_modules": r".*\.[qv]_proj", "exclude_modules": r".*\.1\..*", "alpha_pattern": {"layers.0.*q_proj": 4}},
        {"target_modules": SOME, "layers_to_transform": [1], "layers_pattern": "layers"},
        {"trainable_token_indices": [0, 799]},
        {"target_modules": "All-Linear"},
        {"target_modules": None, "layers_to_transform": [1]},
        {"target_modules": SOME, "target_parameters": ["v_proj.weight"], "rank_pattern": {"v_proj.weight": 2}},
    ],
)
def test_names_that_the_model_has(params, changes):
    params["lora"].update(changes)
    assert estimator(params).trained.parameters > 0
    loading.adapted(params)


def test_shared_weights_take_up_no_adapter(params, tmp_path):
    params["model"] = str(odd_checkpoints.save(tmp_path / "tied", tied=True))
    for name in ("embed_tokens", "lm_head"):
        params["lora"]["target_modules"] = ["q_proj", name]
        with pytest.raises(UserError, match=f"share their weights, .* what '.*{name}' alone .*'lora.modules_to_save'"):
            assert estimator(params).trained
    params["lora"].update(target_modules=SOME, modules_to_save=["embed_tokens"])
    assert estimator(params).trained


def test_prompt_tuning_goes_past_the_embeddings(tiny_model):
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    values["lora"]["target_modules"] = ["q_proj", "embed_tokens"]
    values["prompt_tuning"]["enabled"] = True
    with pytest.raises(UserError, match="prompt tuning goes past 'model.embed_tokens': remove it"):
        loading.adapted(values)


def on_meta(name):
    """A model without data of the architecture."""
    import torch
    from transformers import AutoModelForCausalLM

    template, special = tiny_architectures.SPECIAL[name]
    config = tiny_architectures.config(name, tiny.tokenizer(template, **special))
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize("name", tiny_architectures.ARCHITECTURES)
@pytest.mark.parametrize(
    "section",
    [
        {"target_modules": "all-linear", "modules_to_save": ["embed_tokens", "lm_head"]},
        {"target_modules": None, "layers_to_transform": [0, 1]},
        {"target_modules": ["q_proj", "v_proj"], "rank_pattern": {"v_proj": 4, r"layers\.\d\..*q_proj": 8}},
        {"target_modules": r"model\.layers\.\d+\..*\.(q|k|v)_proj", "alpha_pattern": {r"^model.layers.\d+.*q_proj": 8}},
        {
            "target_modules": ["q_proj"],
            "exclude_modules": ["lm_head"],
            "trainable_token_indices": {"embed_tokens": [1]},
        },
    ],
)
def test_usual_sections_of_each_architecture(name, section):
    from peft import LoraConfig

    check_lora(on_meta(name), LoraConfig(task_type="CAUSAL_LM", **section), False)


def test_embeddings_and_head_of_their_own_weights_take_up_adapters():
    from peft import LoraConfig

    check_lora(on_meta("mistral"), LoraConfig(target_modules=["q_proj", "embed_tokens", "lm_head"]), False)


def test_biases_of_all_linear_modules_but_those_without():
    from peft import LoraConfig

    without = ["o_proj", "gate_proj", "up_proj", "down_proj"]
    check_lora(
        on_meta("qwen2"), LoraConfig(target_modules="all-linear", lora_bias=True, exclude_modules=without), False
    )
    with pytest.raises(UserError, match="'lora.lora_bias': 'model.layers.0.self_attn.o_proj' has no bias"):
        check_lora(on_meta("qwen2"), LoraConfig(target_modules="all-linear", lora_bias=True), False)


@pytest.mark.parametrize("both", [False, True])
def test_an_adapter_of_another_model_of_the_same_shape_is_not_put_onto_this_one(tmp_path, both):
    mine, other = (str(odd_checkpoints.save(tmp_path / name)) for name in ("mine", "other"))
    values = tiny.params(mine, "rows.jsonl", "prompts.jsonl")
    values["prompt_tuning"]["enabled"] = both
    loading.save(loading.adapted(values), tmp_path / "adapter", values)
    loading.tuned(values, tmp_path / "adapter")
    with pytest.raises(
        UserError, match="was trained from '.*mine', but 'model' is '.*other': set 'model' to the former"
    ):
        loading.tuned(values | {"model": other}, tmp_path / "adapter")


@pytest.mark.parametrize("trained", ["models/base/Mine", "someone/mine", "hub/models--me--mine/snapshots/0a1b", None])
def test_one_model_may_lie_in_another_place(tmp_path, trained):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": trained}))
    check_base("elsewhere/mine", tmp_path)
    check_base("elsewhere/mine", tmp_path / "nothing")


def test_two_folders_of_one_name_are_two_models(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "checkpoint-500").mkdir(parents=True)
    (tmp_path / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(tmp_path / "a/checkpoint-500")})
    )
    check_base(str(tmp_path / "b/../a/checkpoint-500"), tmp_path)
    with pytest.raises(UserError, match="was trained from"):
        check_base(str(tmp_path / "b/checkpoint-500"), tmp_path)
