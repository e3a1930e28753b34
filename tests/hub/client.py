"""A process that loads things of the Hub on loopback, one after the other, and says what came of each.

Its libraries read the Hub's address when they are imported, so it is a process of its own; it reads a JSON object a
line, and answers with a line after ``MARK``.
"""

import builtins
import json
import os
import sys
import warnings
from typing import Any

from tests import tiny
from tuning.core.errors import UserError

MARK = "answer: "


class Asked(BaseException):
    """Somebody would have waited for an answer in the terminal."""


def ask(*_: Any) -> str:
    raise Asked("a question was asked in the terminal")


def model(values: dict) -> dict:
    """Loads model and tokenizer as the stages do; says what was loaded."""
    from tuning.model import base_model, chat_template, commits
    from tuning.model.model_spec import model_spec

    params = tiny.checked(values)
    found = commits.current(params)
    params = commits.pinned(params, found)
    words, loaded = chat_template.load_tokenizer(params), base_model.load_model(model_spec(params))
    weights = sum(parameter.double().sum().item() for parameter in loaded.parameters())
    return {
        "commits": found,
        "kind": loaded.config.model_type,
        "weights": weights,
        "template": words.chat_template != chat_template.DEFAULT_TEMPLATE.read_text(encoding="utf-8"),
        "own_template": chat_template.has_own_template(params, words),
        "tokens": len(words),
    }


def rows(values: dict) -> dict:
    """Reads the data sets as prepare does."""
    from tuning.data import conversations, mixing

    sources = [source.pinned() for source in mixing.sources(values["dataset"], values["data"]["columns"])]
    found = [
        conversation for source in sources for _, conversation in conversations.read(source.origin, source.columns)
    ]
    first = next(conversation for conversation in found if conversation)
    return {
        "commits": [source.origin.revision for source in sources],
        "rows": len(found),
        "first": [first.prompt, first.completion],
    }


def prompts(values: dict) -> dict:
    from tuning.data import evaluation_prompts, origins

    origin = origins.pinned(origins.origin(values["ifeval"]["prompts"]))
    return {"commits": [origin.revision], "prompts": evaluation_prompts.read(origin)}


def main() -> None:
    builtins.input = ask
    warnings.simplefilter("ignore")
    commands = os.fdopen(os.dup(0), encoding="utf-8")
    for line in commands:
        asked = json.loads(line)
        os.environ.pop("HF_TOKEN", None)
        os.environ.update(asked["environment"])
        try:
            answer = {"model": model, "rows": rows, "prompts": prompts}[asked["load"]](asked["values"])
        except UserError as error:
            answer = {"error": str(error)}
        except BaseException as error:
            answer = {"fault": f"{type(error).__name__}: {error}"}
        print(MARK + json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main())
