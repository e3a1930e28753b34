"""The base model's own answers to the requests of a data set, as further completions.

In such a completion only the imposed instruction is new to the model, so training teaches just that (self-distillation;
Yang et al. 2024, arXiv 2402.13669).
"""

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from ifeval.prose import sentences
from tuning.config.params import Params
from tuning.core.files import fingerprint
from tuning.generation import kept_answers
from tuning.model.base_model import load_model
from tuning.model.chat_template import Message, prompt_tokens
from tuning.model.model_spec import check_tokens, model_spec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LEAST = 8  # an answer with fewer words is not used
RUN = 5  # a run of this many words may not occur twice


def own_answers(
    prompts: list[list[Message]],
    tokenizer: "PreTrainedTokenizerBase",
    params: Params,
    folder: Path,
    new_tokens: int,
) -> list[str | None]:
    """The base model's greedy answers of up to ``new_tokens`` tokens; None for one without a complete sentence.

    Args:
        folder: where finished answers are kept, so that a run that was killed goes on.
    """
    kept = kept_answers.finished(folder, f"own-answers-{fingerprint(prompts, new_tokens)}")
    ids = [prompt_tokens(tokenizer, prompt) for prompt in prompts]
    if len(kept.rows) < len(prompts):
        spec = model_spec(params)
        check_tokens(spec, tokenizer, ids)
        kept_answers.answer(load_model(spec), tokenizer, ids, kept, new_tokens, params.seed, "own answers")
    found = kept.collect(list(range(len(prompts))))
    return [ended(row["response"], row["finish_reason"] == "stop") or None for row in found]


def ended(text: str, whole: bool) -> str:
    """The text up to the last complete sentence before it repeats itself; line breaks stay.

    A completion that stops in the middle or repeats itself would teach the model to do the same.

    Args:
        whole: whether the model ended it itself.
    """
    pieces: list[str] = []
    for line in re.split(r"(\n+)", text.strip()):
        pieces += [line] if not line.strip() else [f"{sentence} " for sentence in sentences(line)]
    if not whole:
        pieces = pieces[: next((i for i in range(len(pieces) - 1, -1, -1) if pieces[i].strip()), 0)]
    kept, best, seen = "", "", set()
    for piece in pieces:
        said = piece.strip().lower()
        if (said and said in seen) or _repeats(kept + piece):
            break
        seen.add(said)
        kept += piece
        if said and said[-1] in ".!?\"')]" and not re.fullmatch(r"[-*\d.) ]+", said):
            best = kept
    best = re.sub(r" +(\n|$)", r"\1", best).strip()
    return best if len(best.split()) >= LEAST else ""


def _repeats(text: str) -> bool:
    """Whether a run of words comes twice."""
    words = text.lower().split()
    runs = Counter(tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1))
    return any(count > 1 for count in runs.values())
