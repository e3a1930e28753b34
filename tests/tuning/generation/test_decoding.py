"""Answers are those of transformers' generate for one prompt at a time, whatever the batch."""

import random
import re
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, GenerationConfig, GptOssConfig, GptOssForCausalLM

from tests import loading, tiny, tiny_architectures
from tests.combinations import checkerboard, slow
from tests.tuning.answers import QUESTIONS, answers, one_at_a_time, settings_of, tokens
from tuning.generation import decoding
from tuning.generation.continuous import batching
from tuning.generation.sequence import Sequence
from tuning.model import adapters, chat_template

NAMES = tiny_architectures.ARCHITECTURES


@pytest.fixture(scope="module", params=[slow(name) if name == "recurrent_gemma" else name for name in NAMES])
def any_model(request, tmp_path_factory):
    """Model and tokenizer of each architecture, with the attention that the stages load it with."""
    return made(request.param, tmp_path_factory.mktemp(request.param) / "model")


def made(name, folder):
    values = tiny.params(str(tiny_architectures.save(name, folder)), "rows.jsonl", "prompts.jsonl")
    return loading.base(values), loading.tokenizer(values)


def early_end(model, tokenizer):
    """Ends with a token that some answers hold early and others do not."""
    config = settings_of(model, tokenizer)
    held = []
    for prompt in tokens(tokenizer):
        ids = torch.tensor([prompt])
        whole = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config)
        held.append(set(whole[0, len(prompt) :].tolist()))
    counts = Counter(token for ids in held for token in ids)
    token = min(token for token, count in counts.items() if count < len(held))
    return [token, *chat_template.end_tokens(tokenizer)]


@pytest.mark.parametrize(("any_model", "batch_size"), checkerboard(NAMES, [1, 3, 64], every=3), indirect=["any_model"])
def test_every_architecture_writes_what_generate_writes(any_model, batch_size):
    model, tokenizer = any_model
    ends = early_end(model, tokenizer)
    found = answers(model, tokenizer, batch_size, eos_token_id=ends)
    assert found == one_at_a_time(model, tokenizer, eos_token_id=ends)
    assert {response.finish_reason for response in found.values()} == {"stop", "length"}


def test_a_recurrent_state_reads_no_padding(tmp_path):
    model, tokenizer = made("recurrent_gemma", tmp_path / "model")
    prompts = tokens(tokenizer)[:4]
    found = answers(model, tokenizer, 3, prompts, max_new_tokens=8)
    assert found == one_at_a_time(model, tokenizer, prompts, max_new_tokens=8)


def test_only_recurrent_state_needs_generate(any_model):
    model, tokenizer = any_model
    said = []
    answers(model, tokenizer, 4, said=said, max_new_tokens=1)
    recurrent = model.config.model_type == "recurrent_gemma"
    assert [text for text in said if "own generate is used: recurrent_gemma has no cache" in text] == said
    assert len(said) == recurrent
    assert model.config._attn_implementation != "grouped"  # its own again


@pytest.mark.parametrize(
    ("kind", "any_model"),
    checkerboard(["prompt_tuning", "lora", "both", "4-bit"], NAMES, every=3),
    indirect=["any_model"],
)
def test_adapters_write_what_generate_writes(any_model, kind, tmp_path):
    model, tokenizer = any_model
    values = tiny.params(model.name_or_path, "rows.jsonl", "prompts.jsonl")
    values["lora"]["enabled"] = kind != "prompt_tuning"
    values["prompt_tuning"].update(enabled=kind in ("prompt_tuning", "both"), num_virtual_tokens=5)
    values["quantization"].update(enabled=kind == "4-bit", bnb_4bit_compute_dtype="float32")
    torch.manual_seed(0)
    tuned = loading.adapted(values)
    for parameter in adapters.lora_parameters(tuned).values():
        torch.nn.init.normal_(parameter, std=0.1)
    if values["prompt_tuning"]["enabled"]:
        torch.nn.init.normal_(tuned.prompt_encoder["default"].embedding.weight, std=3.0)
    loading.save(tuned, tmp_path / "adapter", values)
    loaded = loading.tuned(values, tmp_path / "adapter")
    said = []
    found = answers(loaded, tokenizer, 5, said=said)
    assert found == one_at_a_time(loaded, tokenizer)
    assert bool(said) == (model.config.model_type == "recurrent_gemma")
    if kind != "4-bit" and (kind, model.config.model_type) != ("prompt_tuning", "recurrent_gemma"):  # forgets quickly
        assert found != answers(model, tokenizer, 5)


@pytest.mark.parametrize(
    "generation",
    [
        {"repetition_penalty": 1.4},
        {"no_repeat_ngram_size": 2},
        {"min_new_tokens": 9},
        {"suppress_tokens": list(range(100, 500))},
        {"stop_strings": ["e", "an"]},
        {"num_beams": 2},
    ],
    ids=lambda generation: next(iter(generation)),
)
def test_fields_of_the_generation_config_do_what_they_do_there(model, tokenizer, generation):
    if "min_new_tokens" in generation:
        generation = {**generation, "eos_token_id": early_end(model, tokenizer)}
    found = answers(model, tokenizer, 5, **generation)
    assert found == one_at_a_time(model, tokenizer, **generation)
    assert found != answers(model, tokenizer, 5)


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=14),
    batch_size=st.integers(1, 9),
    limit=st.integers(1, 70),
    data=st.data(),
)
def test_batches_of_any_lengths(model, tokenizer, lengths, batch_size, limit, data):
    source = random.Random(str(lengths))
    prompts = [[source.randrange(5, 700) for _ in range(length)] for length in lengths]
    done = data.draw(st.sets(st.sampled_from(range(len(prompts)))))
    found = answers(model, tokenizer, batch_size, prompts, done=done, max_new_tokens=limit)
    alone = one_at_a_time(model, tokenizer, prompts, max_new_tokens=limit)
    assert found == {index: response for index, response in alone.items() if index not in done}


def test_logits_are_the_same_to_the_last_bit_whatever_the_batch(model, tokenizer):
    """So that no tie between two tokens is decided by how many others are being written."""
    prompts = tokens(tokenizer)

    def logits(size, order):
        found = {}
        with torch.inference_mode(), batching.grouped(model):
            for start in range(0, len(order), size):
                batch = batching.Batch(model, size)
                batch.admit([Sequence(index, prompts[index], 9) for index in order[start : start + size]])
                for sequence, row in zip(batch.sequences, batch.logits(), strict=True):
                    found[sequence.index] = row
        return torch.stack([found[index] for index in range(len(prompts))])

    indices = list(range(len(prompts)))
    expected = logits(len(prompts), indices)
    for size in (1, 2, 3, 5):
        assert torch.equal(logits(size, indices), expected)
        assert torch.equal(logits(size, indices[::-1]), expected)


def test_a_sample_depends_on_the_seed_and_the_prompt_only(model, tokenizer):
    options = {"do_sample": True, "temperature": 1.5, "top_k": 200, "top_p": 0.99}
    sampled = answers(model, tokenizer, 2, **options)
    assert sampled == answers(model, tokenizer, 64, **options)
    turned = answers(model, tokenizer, 3, tokens(tokenizer)[::-1], **options)
    assert sampled == {len(QUESTIONS) - 1 - index: response for index, response in turned.items()}
    assert sampled != answers(model, tokenizer, 2, seed=2, **options)
    assert sampled != answers(model, tokenizer, 2)


@pytest.mark.slow
def test_samples_have_the_distribution_of_the_model(model, tokenizer):
    prompt = tokens(tokenizer, ["Why?"])[0]
    with torch.inference_mode():
        expected = torch.softmax(model(input_ids=torch.tensor([prompt])).logits[0, -1] / 0.1, dim=-1)
    written = [tokenizer.decode([token], skip_special_tokens=True) for token in range(len(expected))]
    likeliest = written[int(expected.argmax())]
    config = settings_of(model, tokenizer, do_sample=True, temperature=0.1, max_new_tokens=1, top_k=0)
    count, hits = 400, 0
    for seed in range(count):
        how = decoding.Decoding(config, 1, seed, say=str)
        [[(_, response)]] = decoding.generate(model, tokenizer, [prompt], how)
        hits += response.text == likeliest
    share = float(sum(expected[token] for token, text in enumerate(written) if text == likeliest))
    assert abs(hits / count - share) < 4 * (share * (1 - share) / count) ** 0.5 + 1e-9


def test_sampling_by_generate_depends_on_the_prompt_only_too(tmp_path):
    folder = tiny_architectures.save("recurrent_gemma", tmp_path / "model")
    values = tiny.params(str(folder), "rows.jsonl", "prompts.jsonl")
    model, tokenizer = loading.base(values), loading.tokenizer(values)
    options = {"do_sample": True, "temperature": 1.5, "max_new_tokens": 6}
    sampled = answers(model, tokenizer, 4, **options)
    turned = answers(model, tokenizer, 3, tokens(tokenizer)[::-1], **options)
    assert sampled == {len(QUESTIONS) - 1 - index: response for index, response in turned.items()}


def test_an_answer_cut_at_the_limit_says_so(model, tokenizer):
    for response in answers(model, tokenizer, 2, max_new_tokens=3).values():
        assert response.new_tokens <= 3
        assert response.finish_reason == ("length" if response.new_tokens == 3 else "stop")


def test_a_stop_string_ends_the_answer(model, tokenizer):
    whole = answers(model, tokenizer, 4)[1].text
    word = re.search(r"[a-z]{4,}", whole).group()
    stopped = answers(model, tokenizer, 4, stop_strings=[word])[1]
    assert word in stopped.text
    assert len(stopped.text) < len(whole)
    assert stopped.finish_reason == "stop"


def test_the_checkpoints_own_way_of_generating_is_not_used(tiny_model, tokenizer):
    own = AutoModelForCausalLM.from_pretrained(tiny_model)
    plain = answers(own, tokenizer, 4)
    own.generation_config = GenerationConfig(repetition_penalty=1.5, do_sample=True, temperature=2.0)
    assert answers(own, tokenizer, 4) == plain


@pytest.mark.parametrize("kind", ["lora", "prompt_tuning"])
def test_nor_is_it_inside_an_adapter(tiny_model, tokenizer, kind):
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    for section in ("lora", "prompt_tuning"):
        values[section]["enabled"] = section == kind
    tuned = loading.adapted(values)
    plain = answers(tuned, tokenizer, 4)
    tuned.get_base_model().generation_config = GenerationConfig(repetition_penalty=1.5, do_sample=True, temperature=2.0)
    assert answers(tuned, tokenizer, 4) == plain


def test_attention_sinks(tokenizer):
    """gpt-oss gives each head a score to which no value belongs; its layers slide and do not in turn."""
    config = GptOssConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        num_local_experts=2,
        num_experts_per_tok=1,
        sliding_window=16,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
    )
    torch.manual_seed(0)
    model = GptOssForCausalLM(config).eval()
    for layer in model.model.layers:
        torch.nn.init.normal_(layer.self_attn.sinks, std=3.0)
    said = []
    assert answers(model, tokenizer, 5, said=said) == one_at_a_time(model, tokenizer)
    assert said == []


def test_virtual_tokens_and_padding_do_not_meet_in_generate(tiny_model, tokenizer):
    values = tiny.params(str(tiny_model), "rows.jsonl", "prompts.jsonl")
    values["lora"]["enabled"] = False
    values["prompt_tuning"].update(enabled=True, num_virtual_tokens=5)
    torch.manual_seed(0)
    tuned = loading.adapted(values).eval()
    for parameter in tuned.parameters():
        if parameter.dim() > 1:  # so that answers depend on their prompts
            torch.nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    assert answers(tuned, tokenizer, 5, num_beams=2) == one_at_a_time(tuned, tokenizer, num_beams=2)


def test_a_model_that_does_not_take_the_cache_is_left_to_generate(model, tokenizer, monkeypatch):
    monkeypatch.setattr(batching.Batch, "logits", lambda self: torch.zeros(1, model.config.vocab_size))
    said = []
    assert answers(model, tokenizer, 4, said=said) == one_at_a_time(model, tokenizer)
    assert said == ["transformers' own generate is used: llama gives other logits with our cache"]
