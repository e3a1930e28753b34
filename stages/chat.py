"""Talks to the tuned model, or with --base to the base model, in the terminal.

An answer appears as it is written; Ctrl-C ends it. /new starts a new conversation, /quit or Ctrl-D leaves.
"""

import argparse
from typing import Any

from tuning.config.params import Params, read_params
from tuning.core.command import run
from tuning.core.errors import doing
from tuning.core.terminal import printable
from tuning.generation import decoding
from tuning.generation.answer_text import answer_text
from tuning.model.adapters import ADAPTER, adapter_spec, check_trained, load_tuned
from tuning.model.base_model import load_model
from tuning.model.chat_template import Message, load_tokenizer, prompt_tokens
from tuning.model.commits import pinned
from tuning.model.model_spec import model_spec

_OF_BEAMS = ("num_beams", "early_stopping", "length_penalty")


def main(arguments: argparse.Namespace) -> None:
    params = pinned(read_params())
    model, tokenizer = loaded(params, arguments.base)
    given = without_beams(params.generation.arguments)
    if arguments.max_new_tokens:
        given["max_new_tokens"] = arguments.max_new_tokens
    config = decoding.generation_config(model, tokenizer, given)
    beginning = [{"role": "system", "content": arguments.system}] if arguments.system else []
    print(f"{params.model}, {'base' if arguments.base else 'tuned'} (/new starts over, /quit leaves)")
    turns = list(beginning)
    while (said := ask()) is not None:
        if said == "/new":
            turns = list(beginning)
        elif said:
            turns.append({"role": "user", "content": said})
            with doing("answering"):
                turns.append({"role": "assistant", "content": answer(model, tokenizer, turns, config)})


def without_beams(arguments: dict[str, Any]) -> dict[str, Any]:
    """How to decode, without a beam search: only at its end is it known what the answer is, so none could be shown."""
    if (arguments.get("num_beams") or 1) > 1:
        print("(without beams, so that answers appear as they are written: 'generation.num_beams' is left out)")
    return {key: value for key, value in arguments.items() if key not in _OF_BEAMS}


def loaded(params: Params, base: bool):
    """The tuned model, or with ``base`` the base model, and its tokenizer."""
    if base:
        return load_model(model_spec(params)), load_tokenizer(params)
    check_trained("; --base needs none")
    return load_tuned(model_spec(params), adapter_spec(params)), load_tokenizer(params, str(ADAPTER))


def ask() -> str | None:
    """What the user says; None to leave."""
    try:
        said = input("\n> ").strip()
    except (EOFError, KeyboardInterrupt):
        return None
    return None if said == "/quit" else said


def answer(model, tokenizer, turns: list[Message], config) -> str:
    """The model's next turn, shown as it is written.

    Where the conversation outgrows the model's context, its oldest question and answer are left out.
    """
    import torch

    room = (getattr(model.config.get_text_config(), "max_position_embeddings", None) or 1 << 30) - config.max_new_tokens
    ids = prompt_tokens(tokenizer, turns)
    while len(ids) > room and sum(turn["role"] == "user" for turn in turns) > 1:
        oldest = next(place for place, turn in enumerate(turns) if turn["role"] == "user")
        del turns[oldest : oldest + 2]
        ids = prompt_tokens(tokenizer, turns)
        print("(the oldest question and answer no longer fit and are left out)")
    kept = Kept(tokenizer)
    asked = torch.tensor([ids], device=model.device)
    how = {"generation_config": config, "streamer": kept}
    if config.stop_strings:
        how["tokenizer"] = tokenizer
    try:
        with torch.inference_mode():
            model.generate(input_ids=asked, attention_mask=torch.ones_like(asked), **how)
    except KeyboardInterrupt:
        print()
    return answer_text(tokenizer, kept.ids).strip()


class Kept:
    """Shows the tokens of an answer and keeps them, so that an interrupted one stays in the conversation."""

    def __init__(self, tokenizer):
        from transformers import TextStreamer

        self.tokenizer, self.ids, self.is_asked = tokenizer, [], False
        self.streamer = TextStreamer(self, skip_prompt=True)
        self.streamer.on_finalized_text = show

    def put(self, value) -> None:
        """Takes the prompt, and after it one token after the other."""
        if self.is_asked:
            self.ids += value.flatten().tolist()
        self.is_asked = True
        self.streamer.put(value)

    def decode(self, tokens: list[int]) -> str:
        """What the last tokens add to the answer's text: the streamer asks for it, and forgets earlier lines."""
        before = answer_text(self.tokenizer, self.ids[: len(self.ids) - len(tokens)])
        return answer_text(self.tokenizer, self.ids)[len(before) :]

    def end(self) -> None:
        self.streamer.end()


def show(text: str, stream_end: bool = False) -> None:
    """Shows the next words of an answer."""
    print(printable(text), end="\n" if stream_end else "", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", action="store_true", help="talk to the base model instead of the tuned one")
    parser.add_argument("--system", metavar="TEXT", help="what the system says first")
    parser.add_argument("--max-new-tokens", type=int, metavar="N", help="instead of generation.max_new_tokens")
    parsed = parser.parse_args()
    run(lambda: main(parsed))
