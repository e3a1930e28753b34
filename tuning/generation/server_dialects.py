"""What kinds of servers call the arguments of GenerationConfig, so that they answer as the project's own engine does.

The interface is OpenAI's, and each kind of server has more than that: names for end tokens, for what only some ways of
sampling know, and for keeping a stop string in the text. Sources: vLLM's and SGLang's ``protocol.py``, llama.cpp's
``tools/server/README.md``, ``transformers/cli/serving``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tuning.core.errors import UserError

# Names of the interface itself, which every server takes at the top level of a request.
INTERFACE = {"max_new_tokens": "max_tokens", "stop_strings": "stop", "temperature": "temperature", "top_p": "top_p"}
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_h")
# What transformers takes where params.yaml leaves an argument out. It is sent, so that a server takes neither a default
# of its own nor that of the model's generation_config.json.
_GREEDY = {"repetition_penalty": 1.0}
_SAMPLED = {"temperature": 1.0, "top_p": 1.0, "top_k": 50, "min_p": 0.0, **_GREEDY}
# Values of arguments that change nothing: a server need not know the argument.
_WITHOUT_EFFECT = {"typical_p": 1.0, "no_repeat_ngram_size": 0, "num_beams": 1, "min_new_tokens": 0}
_WITHOUT_EFFECT["num_return_sequences"] = 1
_OF_BEAMS = ("length_penalty", "early_stopping")


@dataclass(frozen=True)
class Dialect:
    """A kind of server.

    Attributes:
        title: its name, for messages.
        names: of the arguments that it knows beside those of the interface.
        closed: whether it knows no others; then one that would change the answers is refused.
        ends: its name for the ids of end tokens; None where they cannot be said.
        keeps_stop: what makes it keep a stop string in the text; None where nothing does.
        with_penalty: what it needs beside a repetition penalty.
        takes_ids: whether a bare prompt may be token ids.
        whole: whether it takes all of GenerationConfig in one argument of that name.
    """

    title: str
    names: dict[str, str] = field(default_factory=dict)
    closed: bool = True
    ends: str | None = "stop_token_ids"
    keeps_stop: dict[str, Any] | None = None
    with_penalty: dict[str, Any] = field(default_factory=dict)
    takes_ids: bool = True
    whole: bool = False


_SHARED = {key: key for key in ("top_k", "min_p", "repetition_penalty")} | {"min_new_tokens": "min_tokens"}
_VLLM_STOP = {"include_stop_str_in_output": True}
VLLM = Dialect("vLLM", _SHARED, keeps_stop=_VLLM_STOP)
SGLANG = Dialect("SGLang", _SHARED, keeps_stop={"no_stop_trim": True})
LLAMA_CPP = Dialect(
    "llama.cpp",
    {"top_k": "top_k", "min_p": "min_p", "typical_p": "typical_p", "repetition_penalty": "repeat_penalty"},
    ends=None,  # they are in its model file
    with_penalty={"repeat_last_n": 1 << 17},  # over the whole text, and not its last 64 tokens
)
TRANSFORMERS = Dialect("transformers serve", takes_ids=False, whole=True)
OTHER = Dialect("the server", _SHARED, closed=False, keeps_stop=_VLLM_STOP, takes_ids=False)
_OWNERS = {"vllm": VLLM, "sglang": SGLANG, "llamacpp": LLAMA_CPP}  # as they sign the models that they list


def dialect(models: Sequence[dict[str, Any]]) -> Dialect:
    """The kind of a server, by the models that it lists."""
    return next((_OWNERS[model["owned_by"]] for model in models if model.get("owned_by") in _OWNERS), OTHER)


def request(kind: Dialect, arguments: dict[str, Any], ends: Sequence[int], seed: int) -> dict[str, Any]:
    """The arguments of ``chat.completions.create`` that those of GenerationConfig stand for.

    Args:
        ends: ids of the tokens at which an answer ends.

    Raises:
        UserError: the server has no name for an argument that would change the answers.
    """
    given = _effective(arguments)
    if kind.whole:
        whole = given | {"eos_token_id": list(ends)}
        return {"seed": seed, "extra_body": {"generation_config": json.dumps(whole)}}
    sampled = given.pop("do_sample", False)
    options: dict[str, Any] = {"seed": seed} | ({} if sampled else {"temperature": 0})
    names, extra = INTERFACE | kind.names, {}
    for key, value in {**(_SAMPLED if sampled else _GREEDY), **given}.items():
        if key not in names and key in given and kind.closed:
            remedy = "set it to null, or 'generation.engine' to transformers"
            raise UserError(f"'generation.{key}': {kind.title} has no such setting: {remedy}")
        if key in INTERFACE:
            options[INTERFACE[key]] = value
        elif key in names or key in given:
            extra[names.get(key, key)] = value
    if given.get("repetition_penalty", 1.0) != 1.0:
        extra |= kind.with_penalty
    if kind.ends and ends:
        extra[kind.ends] = list(ends)
    if INTERFACE["stop_strings"] in options:
        if kind.keeps_stop is None:  # it would be cut off: the answer is cut here, once it is whole
            del options[INTERFACE["stop_strings"]]
        extra |= kind.keeps_stop or {}
    return options | ({"extra_body": extra} if extra else {})


def _effective(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments that change something."""
    given = {key: value for key, value in arguments.items() if value is not None}
    without = set() if given.get("do_sample") else set(_SAMPLING)
    without |= set() if given.get("num_beams", 1) > 1 else set(_OF_BEAMS)
    without |= {key for key, value in _WITHOUT_EFFECT.items() if given.get(key) == value}
    return {key: value for key, value in given.items() if key not in without}


def argument(kind: Dialect, name: str) -> str:
    """The argument of GenerationConfig that has this name in a request."""
    return next((key for key, other in kind.names.items() if other == name), name)
