"""The base model's own answers to the requests of a data set, as further completions.

In such a completion only the imposed instruction is new to the model, so training teaches just that (self-distillation;
Yang et al. 2024, arXiv 2402.13669).
"""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ifeval.prose import sentences
from ifeval.thoughts import are_open, without_thoughts
from tuning.config.params import Params
from tuning.core.errors import doing
from tuning.core.files import fingerprint
from tuning.data.instruction_rows import Treated, is_foreign
from tuning.data.preparation import Preparation
from tuning.data.rows import Row
from tuning.generation import kept_answers
from tuning.model.base_model import load_model
from tuning.model.chat_template import Message, prompt_tokens
from tuning.model.model_spec import check_tokens, model_spec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

ANSWER_TOKENS = 96  # newly generated answers of the model to plain requests
FOLLOWING_TOKENS = 192  # newly generated answers to requests with instructions
LEAST = 8  # an answer with fewer words is not used
RUN = 5  # a run of this many words may not occur twice


def answered_by_the_model(rows: list[Row], preparation: Preparation) -> list[Row]:
    """With ``data.self_distill``, further rows: the same requests, answered by the base model."""
    if not preparation.distils:
        return []
    asked = [row for row in rows if not row.types and not is_foreign(row.completion[-1]["content"])]
    answers = _answers([row.prompt for row in asked], preparation, ANSWER_TOKENS)
    return [
        preparation.row(f"{row.place}, own answer", row.prompt, [{"role": "assistant", "content": answer}])
        for row, answer in zip(asked, answers, strict=True)
        if answer
    ]


def followed_by_the_model(
    treated: list[tuple[Row, Treated | None]], preparation: Preparation
) -> tuple[list[tuple[Row, Treated | None]], int]:
    """With ``data.self_distill``, the base model answers requests whose instructions only count things.

    Where its answer passes all checks, the answer becomes the completion, so that training keeps what the model can
    do already. Returns the rows and how often the answer passed.
    """
    asked = [result for _, result in treated if result and result.only_counts]
    if not preparation.distils or not asked:
        return treated, 0
    answers = _answers([result.prompt for result in asked], preparation, FOLLOWING_TOKENS)
    own = {
        id(result): replace(result, completion=[{"role": "assistant", "content": answer}])
        for result, answer in zip(asked, answers, strict=True)
        if answer and result.is_followed_by(answer)
    }
    return [(row, own.get(id(result), result)) for row, result in treated], len(own)


def _answers(prompts: list, preparation: Preparation, new_tokens: int) -> list[str | None]:
    """The base model's own answers; None where one cannot be used."""
    params = preparation.params
    with doing(f"answering requests with {params.model}; finished answers are kept"):
        return own_answers(prompts, preparation.tokenizer, params, preparation.folder, new_tokens)


def own_answers(
    prompts: list[list[Message]],
    tokenizer: "PreTrainedTokenizerBase",
    params: Params,
    folder: Path,
    new_tokens: int,
) -> list[str | None]:
    """The base model's greedy answers of up to ``new_tokens`` tokens, without its thoughts.

    None for one without a complete sentence, or with thoughts that do not end.

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
    return [_usable(row["response"], row["finish_reason"] == "stop") or None for row in found]


def _usable(response: str, whole: bool) -> str:
    """What of a response can be a completion; empty where nothing can."""
    return "" if are_open(response) else ended(without_thoughts(response), whole)


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
