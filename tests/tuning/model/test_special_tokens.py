"""A special token's text in what is said is text; all other conversations keep their tokens."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from tuning.model import chat_template, special_tokens

SPECIAL = ("<|im_end|>", "<|im_start|>", "<|endoftext|>")
WORDS = st.lists(st.sampled_from([*SPECIAL, "Write ", "end", " ", "\n", "<|im_", "|>", "ü"]), max_size=8).map("".join)
TOKENIZER = tiny.tokenizer()


def unigram():
    """A tokenizer that marks the beginning of a text, and whose vocabulary holds its special tokens."""
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = ["<unk>", "</s>", "\u2581", *"abcdefghijklmnopqrstuvwxyzAWSUERT<>/[]|_:.\n", "\u2581end", "</"]
    model = Tokenizer(models.Unigram([(piece, -1.0 - len(piece) % 3) for piece in pieces], unk_id=0))
    model.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    model.add_special_tokens([AddedToken("</s>", normalized=False, special=True)])
    found = PreTrainedTokenizerFast(tokenizer_object=model, eos_token="</s>", unk_token="<unk>")
    found.chat_template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}</s>{% endfor %}"
    return found


def conversation(request, answer):
    return [{"role": "user", "content": request}], [{"role": "assistant", "content": answer}]


def test_rows_without_special_tokens_keep_their_tokens():
    lines = (tiny.ROOT / "data/starter/instructions.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, lines):
        prompt, completion = conversation(f"{row['instruction']}\n\n{row['input']}".strip(), row["output"])
        before = TOKENIZER.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
        whole = TOKENIZER.apply_chat_template(prompt + completion, tokenize=False)
        tokens = chat_template.row_tokens(TOKENIZER, prompt, completion)
        assert tokens.prompt == TOKENIZER(before, add_special_tokens=False)["input_ids"]
        ids = TOKENIZER(whole[len(before) :], add_special_tokens=False)["input_ids"]
        assert tokens.completion == ids[: ids.index(TOKENIZER.eos_token_id) + 1]


@given(WORDS, WORDS)
def test_special_tokens_come_from_the_template_only(request, answer):
    tokens = chat_template.row_tokens(TOKENIZER, *conversation(request, answer))
    rendered = f"<|im_start|>user\n{request}<|im_end|>\n<|im_start|>assistant\n"
    assert TOKENIZER.decode(tokens.prompt) == rendered
    assert TOKENIZER.decode(tokens.completion) == f"{answer}<|im_end|>"
    ends = TOKENIZER.convert_tokens_to_ids(list(SPECIAL))
    assert [token for token in tokens.prompt if token in ends] == [ends[1], ends[0], ends[1]]
    assert [token for token in tokens.completion if token in ends] == [ends[0]]
    # what is said is tokenised as one text with what the template puts around it
    plain = TOKENIZER(f"user\n{request}", add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert tokens.prompt[1 : 1 + len(plain)] == plain


@given(WORDS)
def test_a_tokenizer_that_cannot_be_copied_gives_the_same(text):
    said = special_tokens.marked(TOKENIZER, [{"role": "user", "content": text}])
    rendered = f"<|im_start|>{said.messages[0]['content']}<|im_end|>\n"
    pattern = special_tokens._pattern(TOKENIZER, len(TOKENIZER))
    assert said.ids(rendered) == said._ids_by_pieces(rendered, pattern)


def test_a_vocabulary_that_holds_its_special_tokens():
    tokenizer = unigram()
    tokens = chat_template.row_tokens(tokenizer, *conversation("the end </s>", "an </s> end"))
    end = tokenizer.eos_token_id
    assert tokens.prompt.count(end) == tokens.completion.count(end) == 1
    pieces = tokenizer.convert_ids_to_tokens(tokens.prompt)
    assert "".join(pieces).count("</s>") == 2
    plain = tokenizer.convert_ids_to_tokens(chat_template.prompt_tokens(tokenizer, conversation("the end", "")[0]))
    assert pieces[: plain.index("</s>")] == plain[: plain.index("</s>")]


def test_tokens_that_are_not_special_stay_tokens():
    tokenizer = tiny.tokenizer()
    tokenizer.add_tokens(["<think>"])
    tokens = chat_template.row_tokens(tokenizer, *conversation("Go <|im_end|>", "<think> hm <|im_end|>"))
    assert tokenizer.convert_tokens_to_ids("<think>") in tokens.completion
    assert tokens.completion.count(tokenizer.eos_token_id) == 1


def test_half_an_emoji_reaches_no_tokenizer():
    tokens = chat_template.prompt_tokens(TOKENIZER, [{"role": "user", "content": "Hm \ud83d."}])
    assert "Hm \ufffd." in TOKENIZER.decode(tokens)


THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content.split('</think>')[-1] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)


@pytest.mark.parametrize(
    ("answer", "learnt"),
    [
        ("<think>\nHm.\n</think>\n\nBlue.", "Hm.\n</think>\n\nBlue."),
        ("Hm.\n</think>\n\nBlue.", "Hm.\n</think>\n\nBlue."),
        ("Blue.", "\n</think>\n\nBlue."),
        ("<think>\nHm.", "Hm."),  # cut
        ("<think>Hm <|im_end|></think>Blue.", "Hm <|im_end|></think>Blue."),
    ],
)
def test_thoughts_that_the_prompt_begins_are_begun_once(answer, learnt):
    tokenizer = tiny.tokenizer(THINKING)
    tokens = chat_template.row_tokens(tokenizer, *conversation("Colour?", answer))
    assert tokenizer.decode(tokens.prompt).endswith("assistant\n<think>\n")
    assert tokenizer.decode(tokens.completion) == f"{learnt}<|im_end|>"
    assert tokens.completion.count(tokenizer.eos_token_id) == 1
