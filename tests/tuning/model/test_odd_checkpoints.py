"""Checkpoints and tokenizers that contradict themselves, leave something out, or decide for themselves."""

import json

import pytest
import torch

from tests import tiny
from tuning.core.errors import UserError
from tuning.generation import decoding
from tuning.memory.run import Run
from tuning.memory.weights import base_weights, trained_parameters
from tuning.model import adapters, base_model, chat_template, rendering
from tuning.model.model_spec import check_positions, check_tokens, model_spec

DATED = "Today is {{ strftime_now('%d %b %Y') }}.\n" + tiny.CHATML


def params_of(folder, **sections):
    values = tiny.params(str(folder), "rows.jsonl", "prompts.jsonl")
    for name, changes in sections.items():
        values[name].update(changes)
    return tiny.checked(values)


def save_tokenizer(folder, words):
    for pattern in ("tokenizer*", "special*", "chat_template*"):
        for path in folder.glob(pattern):
            path.unlink()
    words.save_pretrained(folder)


def test_a_tokenizer_without_an_end_token_says_what_to_set(tmp_path):
    folder = tiny.save_model(tmp_path / "model")
    save_tokenizer(folder, tiny.tokenizer(None, unk_token="<unk>", bos_token="<end>"))
    with pytest.raises(UserError, match=r"has no end token: set 'tokenizer_config.eos_token'"):
        chat_template.load_tokenizer(params_of(folder))
    words = chat_template.load_tokenizer(params_of(folder, tokenizer_config={"eos_token": "<end>"}))
    row = chat_template.row_tokens(
        words, [{"role": "user", "content": "Hi"}], [{"role": "assistant", "content": "Good day."}]
    )
    assert row.completion[-1] == words.eos_token_id
    assert None not in row.prompt + row.completion


def test_an_end_of_turn_token_stands_in_for_a_missing_end_token(tmp_path):
    folder = tiny.save_model(tmp_path / "model")
    save_tokenizer(folder, tiny.tokenizer(tiny.CHATML, unk_token="<unk>", additional_special_tokens=["<|im_end|>"]))
    assert chat_template.load_tokenizer(params_of(folder)).eos_token == "<|im_end|>"


def test_a_template_that_writes_the_date_gives_the_same_prompt_on_every_day(tmp_path):
    folder = tiny.save_model(tmp_path / "model")
    save_tokenizer(folder, tiny.tokenizer(DATED))
    words = chat_template.load_tokenizer(params_of(folder))
    text = words.decode(chat_template.prompt_tokens(words, [{"role": "user", "content": "Hi"}]))
    assert text.startswith(f"Today is {rendering.DATE:%d %b %Y}.")


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("strftime_now('%-d.%-m. %H:%M:%S.%f %Z')", "1.1. 00:00:00.000000 "),
        ("strftime_now(format='%e|%D|%T|%h')", " 1|01/01/25|00:00:00|Jan"),
        ("strftime_now('100%% on %A')", "100% on Wednesday"),
    ],
)
def test_every_format_of_a_date_is_fixed(tmp_path, written, text):
    words = tiny.tokenizer(f"{{% set now = {written} %}}{{{{ now }}}}:" + tiny.CHATML)
    assert rendering.rendered(words, [{"role": "user", "content": "Hi"}]).startswith(f"{text}:")


@pytest.mark.parametrize("more", [[7], [7, 9], 7])
def test_end_tokens_of_the_checkpoint_end_answers_too(tmp_path, more):
    folder = tiny.save_model(tmp_path / "model")
    path = folder / "generation_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"eos_token_id": more}))
    params = params_of(folder)
    words, model = chat_template.load_tokenizer(params), base_model.load_model(model_spec(params))
    found = decoding.generation_config(model, words, {"max_new_tokens": 5})
    assert set(found.eos_token_id) == {words.eos_token_id, *(more if isinstance(more, list) else [more])}
    assert decoding.generation_config(model, words, {"eos_token_id": 3, "max_new_tokens": 5}).eos_token_id == 3


def test_contradictory_settings_of_sampling_do_not_keep_a_model_from_being_saved(tmp_path):
    folder = tiny.save_model(tmp_path / "model")
    path = folder / "generation_config.json"
    config = json.loads(path.read_text()) | {"do_sample": False, "temperature": 0.6, "top_p": 0.9}
    path.write_text(json.dumps(config))
    model = base_model.load_model(model_spec(params_of(folder)))
    model.save_pretrained(tmp_path / "saved")
    assert json.loads((tmp_path / "saved/generation_config.json").read_text())["eos_token_id"] == config["eos_token_id"]


@pytest.fixture(scope="module")
def four_bits(tiny_model, tmp_path_factory):
    """The tiny model, stored in 4 bits."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    folder = tmp_path_factory.mktemp("models") / "four-bits"
    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    AutoModelForCausalLM.from_pretrained(
        tiny_model, quantization_config=config, device_map={"": "cpu"}
    ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


def test_weights_that_are_stored_quantized_are_not_merged_into(four_bits, tmp_path):
    params = params_of(four_bits)
    spec, adapter = model_spec(params), adapters.adapter_spec(params)
    assert spec.quantized
    assert spec.quantization.load_in_4bit
    tuned = adapters.add_adapter(base_model.load_model(spec), spec, adapter, checkpointing=False)
    torch.manual_seed(0)
    for name, matrix in adapters.lora_parameters(tuned).items():
        if "lora_B" in name:
            torch.nn.init.normal_(matrix, std=0.05)
    adapters.save_adapter(tuned, tmp_path / "adapter", spec, adapter)
    again = adapters.load_tuned(spec, adapter, tmp_path / "adapter")
    ids = torch.arange(5, 25)[None]
    with torch.inference_mode():
        assert torch.equal(tuned.eval()(input_ids=ids).logits, again.eval()(input_ids=ids).logits)
    with pytest.raises(UserError, match=r"is itself quantized.*--adapter"):
        spec.unquantized()


def test_stored_quantized_weights_are_estimated_as_such(four_bits, tiny_model):
    params, plain = params_of(four_bits), params_of(tiny_model)
    adapter = adapters.adapter_spec(params)
    stored, loaded = Run(model_spec(params), adapter), Run(model_spec(plain), adapter)
    assert base_weights(stored).generation < base_weights(loaded).generation
    assert trained_parameters(stored).parameters == trained_parameters(loaded).parameters


def test_a_token_that_the_model_does_not_have_is_named_before_weights_are_loaded(tiny_model):
    spec = model_spec(params_of(tiny_model))
    size = spec.config.vocab_size
    check_tokens(spec, tiny.tokenizer(), [[0, size - 1]])
    with pytest.raises(UserError, match=rf"gives token {size}, and .* has {size} tokens: set 'tokenizer'"):
        check_tokens(spec, tiny.tokenizer(), [[1], [size]])


def test_learned_positions_limit_a_row_and_computed_ones_do_not(tiny_model, tmp_path):
    from transformers import GPT2Config

    GPT2Config(n_embd=8, n_layer=1, n_head=1, n_positions=64).save_pretrained(tmp_path / "gpt2")
    learned, computed = model_spec(params_of(tmp_path / "gpt2")), model_spec(params_of(tiny_model))
    row = [1] * 600
    check_positions(computed, [row], None)
    check_positions(learned, [row], 64)
    with pytest.raises(UserError, match=r"a row has 65 tokens, and .* has 64 positions: set 'train.max_length' to 64"):
        check_positions(learned, [row], 65)
