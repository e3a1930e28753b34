"""Answers of a model to some questions, by the project's decoding and by the library's own generate."""

import torch

from tuning.generation import decoding
from tuning.model import chat_template

QUESTIONS = [
    "Name a colour.",
    "Explain the tides to a child who lives far from the sea.",
    "Why?",
    "Say hello in French.",
    *(f"List {count} things that are {'very ' * count}useful on a long walk" for count in range(1, 9)),
]


def tokens(tokenizer, texts=QUESTIONS):
    return [chat_template.prompt_tokens(tokenizer, [{"role": "user", "content": text}]) for text in texts]


def settings_of(model, tokenizer, **generation):
    given = {"max_new_tokens": 24, "do_sample": False} | generation
    return decoding.generation_config(model, tokenizer, given)


def answers(model, tokenizer, batch_size, prompts=None, done=frozenset(), said=None, seed=1, **generation):
    """Responses by the index of their prompt."""
    say = (lambda text: None) if said is None else said.append
    how = decoding.Decoding(settings_of(model, tokenizer, **generation), batch_size, seed, say=say)
    found = {}
    prompts = tokens(tokenizer) if prompts is None else prompts
    for batch in decoding.generate(model, tokenizer, prompts, how, done):
        assert not found.keys() & dict(batch).keys()
        found.update(batch)
    return found


def one_at_a_time(model, tokenizer, prompts=None, **generation):
    """The same by the library's own generate, without batches and padding."""
    config = settings_of(model, tokenizer, **generation)
    ends = config.eos_token_id
    stops = {"tokenizer": tokenizer} if config.stop_strings else {}
    found = {}
    for index, prompt in enumerate(tokens(tokenizer) if prompts is None else prompts):
        ids = torch.tensor([prompt])
        whole = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config, **stops)
        new = whole[0].tolist()[-(whole.shape[1] - len(prompt)) :] if whole.shape[1] > len(prompt) else []
        ended = bool(new) and new[-1] in ends
        text = tokenizer.decode(new[:-1] if ended else new, skip_special_tokens=True)
        reason = "stop" if ended or len(new) < config.max_new_tokens else "length"
        found[index] = decoding.Response(text, len(new), reason)
    return found
