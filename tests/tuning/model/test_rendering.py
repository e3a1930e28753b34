"""What the system says reaches the model, whatever its template does with a system turn."""

import pytest

from tests import odd_checkpoints, tiny
from tuning.model import rendering

PHI = (
    "{% for message in messages %}{% if message['role'] == 'user' %}<|user|>\n{{ message['content'] }}<|end|>\n"
    "<|assistant|>\n{% elif message['role'] == 'assistant' %}{{ message['content'] }}<|end|>\n{% endif %}{% endfor %}"
)
PARTS_OF_PHI = PHI.replace("{{ message['content'] }}", "{{ message['content'][0]['text'] }}")
TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
ANSWER = {"role": "assistant", "content": "Because."}
WRONG_TYPE = "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] + 1 }}{% endif %}" + tiny.CHATML


@pytest.mark.parametrize("template", [PHI, PARTS_OF_PHI], ids=["texts", "parts"])
def test_what_the_system_says_joins_the_users_turn_where_the_template_leaves_it_out(template):
    words = tiny.tokenizer(template)
    prompt = "<|user|>\nBe brief.\n\nWhy?<|end|>\n<|assistant|>\n"
    assert rendering.rendered_prompt(words, TURNS) == prompt
    assert rendering.rendered(words, [*TURNS, ANSWER]) == f"{prompt}Because.<|end|>\n"
    assert rendering.rendered_prompt(words, TURNS[1:]) == prompt.replace("Be brief.\n\n", "")


def test_a_system_turn_in_the_middle_joins_the_next_turn_of_the_user():
    words = tiny.tokenizer(PHI)
    turns = [TURNS[1], ANSWER, {"role": "system", "content": "Be brief."}, {"role": "user", "content": "And then?"}]
    joined = [TURNS[1], ANSWER, {"role": "user", "content": "Be brief.\n\nAnd then?"}]
    assert rendering.rendered_prompt(words, turns) == rendering.rendered_prompt(words, joined)
    assert "Be brief." in rendering.rendered_prompt(words, turns)


def test_it_joins_it_in_the_same_way_where_the_template_raises_an_error():
    joined = [{"role": "user", "content": "Be brief.\n\nWhy?"}]
    for template in (odd_checkpoints.NO_SYSTEM, PHI):
        words = tiny.tokenizer(template)
        assert rendering.rendered_prompt(words, TURNS) == rendering.rendered_prompt(words, joined)


@pytest.mark.parametrize("template", [tiny.CHATML, odd_checkpoints.PARTS], ids=["texts", "parts"])
def test_a_template_with_a_system_role_keeps_it(template):
    prompt = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    assert rendering.rendered_prompt(tiny.tokenizer(template), TURNS) == prompt


def test_a_template_that_only_breaks_on_system_turns_can_be_used_without_them():
    words = tiny.tokenizer(WRONG_TYPE)
    rendering.check_template(words, "words")
    assert rendering.rendered_prompt(words, TURNS[1:]).startswith("<|im_start|>user\nWhy?")
    with pytest.raises(TypeError):
        rendering.rendered_prompt(words, TURNS)
