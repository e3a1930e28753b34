"""How a conversation becomes tokens: the boundary, the end, the padding."""

import pytest

from tests import loading, tiny
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
