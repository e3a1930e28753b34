"""How a conversation becomes tokens: the boundary, the end, the padding; and whose the template is."""

import pytest

from tests import loading, odd_checkpoints, tiny
from tuning.core.errors import UserError
from tuning.model import chat_template

PROMPT = [{"role": "user", "content": "Name a colour."}]
COMPLETION = [{"role": "assistant", "content": "Blue, of course."}]


@pytest.fixture(
    params=[tiny.CHATML, chat_template.DEFAULT_TEMPLATE.read_text(encoding="utf-8")], ids=["own", "default"]
)
def tokenizer(request):
    return tiny.tokenizer(request.param)


def test_the_completion_starts_exactly_where_generation_starts(tokenizer):
    row = chat_template.row_tokens(tokenizer, PROMPT, COMPLETION)
    assert row.prompt == chat_template.prompt_tokens(tokenizer, PROMPT)
    assert tokenizer.decode(row.prompt).endswith("assistant\n")
    assert tokenizer.decode(row.completion, skip_special_tokens=True) == "Blue, of course."


def test_the_completion_ends_with_the_token_that_generation_stops_at(tokenizer):
    row = chat_template.row_tokens(tokenizer, PROMPT, COMPLETION)
    assert row.completion[-1] in chat_template.end_tokens(tokenizer)
    assert sum(token in chat_template.end_tokens(tokenizer) for token in row.completion) == 1


def spaced():
    """A tokenizer that begins every text with a space, as that of Llama 2 does."""
    import tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<unk>", "<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    words = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first")
    words.decoder = tokenizers.decoders.Metaspace(prepend_scheme="first")
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=200, special_tokens=special)
    words.train_from_iterator(["Name a colour. Blue, of course.\nuser assistant"] * 9, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="<|im_end|>", unk_token="<unk>", chat_template=tiny.CHATML
    )


def test_the_answer_goes_on_from_the_prompt_where_texts_begin_with_a_space():
    tokenizer = spaced()
    row = chat_template.row_tokens(tokenizer, PROMPT, COMPLETION)
    assert tokenizer.convert_ids_to_tokens(chat_template.prompt_tokens(tokenizer, COMPLETION)[:4])[-1] != "▁Blue"
    assert row.prompt == chat_template.prompt_tokens(tokenizer, PROMPT)
    whole = tokenizer.apply_chat_template(PROMPT + COMPLETION, tokenize=False)
    together = tokenizer(whole, add_special_tokens=False)["input_ids"]
    assert row.prompt + row.completion == together[: len(row.prompt + row.completion)]
    assert not tokenizer.convert_ids_to_tokens(row.completion)[0].startswith("▁")


def test_a_template_that_ends_turns_without_the_end_token_gets_it():
    tokenizer = tiny.tokenizer("{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}")
    row = chat_template.row_tokens(tokenizer, PROMPT, COMPLETION)
    assert row.completion[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize(
    "special",
    [
        {"eos_token": "<|endoftext|>"},
        {"eos_token": "</s>", "bos_token": "<s>", "unk_token": "<unk>"},
        {"eos_token": "</s>", "pad_token": "</s>"},
        {"eos_token": "</s>", "pad_token": "<pad>"},
    ],
)
def test_a_base_model_gets_a_template_and_a_pad_token_that_is_not_the_end(tmp_path, special):
    tiny.tokenizer(None, **special).save_pretrained(tmp_path)
    params = tiny.params(str(tmp_path), "rows.jsonl", "prompts.jsonl")
    params["tokenizer_config"] = {"padding_side": "left"}
    tokenizer = loading.tokenizer(params)
    assert tokenizer.chat_template
    assert tokenizer.pad_token_id is not None
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert tokenizer.padding_side == "left"
    row = chat_template.row_tokens(tokenizer, PROMPT, COMPLETION)
    assert row.completion[-1] == tokenizer.eos_token_id
    assert row.prompt.count(tokenizer.bos_token_id) == (special.get("bos_token") is not None)


def test_a_tokenizer_is_saved_the_same_however_it_was_found(tmp_path):
    tiny.tokenizer(tiny.CHATML).save_pretrained(tmp_path / "model")
    saved = []
    for only_here in (False, True):
        params = tiny.params(str(tmp_path / "model"), "rows.jsonl", "prompts.jsonl")
        params["tokenizer_config"] = {"local_files_only": only_here}
        loading.tokenizer(params).save_pretrained(tmp_path / "saved")
        saved.append({path.name: path.read_bytes() for path in (tmp_path / "saved").iterdir()})
    assert saved[0] == saved[1]


def has_own_template(model, tokenizer=None, **of_model):
    values = tiny.params(str(model), "rows.jsonl", "prompts.jsonl")
    values["tokenizer"] = tokenizer and str(tokenizer)
    values["model_config"].update(of_model)
    return chat_template.has_own_template(tiny.checked(values), loading.tokenizer(values))


@pytest.fixture
def base(tmp_path):
    """A model without a template."""
    return odd_checkpoints.save(tmp_path / "base", None)


def test_a_template_that_is_stored_with_the_model_is_its_own_even_if_it_is_chatml(tmp_path, base, tiny_model):
    assert [has_own_template(tiny_model), has_own_template(base)] == [True, False]
    exported = odd_checkpoints.save(tmp_path / "exported", None)
    loading.tokenizer(tiny.params(str(base), "rows.jsonl", "prompts.jsonl")).save_pretrained(exported)
    assert (exported / "chat_template.jinja").read_bytes() == chat_template.DEFAULT_TEMPLATE.read_bytes()
    assert has_own_template(exported)
    assert has_own_template(exported, tokenizer=base)


def test_a_template_of_another_models_tokenizer_is_not_the_models_own(tmp_path, base, tiny_model):
    assert not has_own_template(base, tokenizer=tiny_model)
    assert has_own_template(tiny_model, tokenizer=base)
    odd_checkpoints.change(base / "tokenizer_config.json", chat_template=tiny.CHATML)  # as older files have it
    assert has_own_template(base, tokenizer=tiny_model)
    (base / "tokenizer_config.json").write_text("{")
    with pytest.raises(UserError, match="base' cannot be loaded: JSONDecodeError"):
        has_own_template(base, tokenizer=tiny_model)


def test_a_model_without_a_tokenizer_has_no_template_unless_a_server_alone_has_it(tmp_path, tiny_model):
    (tmp_path / "mute").mkdir()
    assert not has_own_template(tmp_path / "mute", tokenizer=tiny_model)
    assert has_own_template(tmp_path / "of a server", tokenizer=tiny_model)


def test_without_the_hub_its_cache_says_whether_the_model_has_a_template(tmp_path, tiny_model):
    folder = tmp_path / "models--someone--cached"
    commit, cache = "0" * 40, {"cache_dir": str(tmp_path)}
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text(commit)
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "snapshots" / commit / "tokenizer_config.json").write_text("{}")
    assert not has_own_template("someone/cached", tokenizer=tiny_model, **cache)
    (folder / "snapshots" / commit / "chat_template.jinja").write_text(tiny.CHATML)
    assert has_own_template("someone/cached", tokenizer=tiny_model, **cache)
    assert has_own_template("someone/cached", tokenizer=tiny_model, revision=commit, **cache)


def test_a_hub_that_does_not_answer_does_not_say_that_the_model_has_no_template(tiny_model, monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    def fails(*_, local_files_only, **__):
        raise LocalEntryNotFoundError("not in the cache")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fails)
    assert not has_own_template("someone/model", tokenizer=tiny_model)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with pytest.raises(UserError, match="someone/model' is not here, and the Hub cannot be reached"):
        has_own_template("someone/model", tokenizer=tiny_model)


@pytest.mark.parametrize(("more", "ends"), [([], True), (["<|channel|>"], False)])
def test_what_ends_the_thoughts_of_a_model_with_channels_does_not_end_its_turn(more, ends):
    special = {"eos_token": "<|return|>", "additional_special_tokens": ["<|end|>", "<|call|>", *more]}
    tokenizer = tiny.tokenizer(**special)
    names = {"<|return|>", "<|end|>"} if ends else {"<|return|>"}
    assert set(tokenizer.convert_ids_to_tokens(chat_template.end_tokens(tokenizer))) == names
