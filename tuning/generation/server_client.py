"""Answers from a server with the interface of OpenAI's chat completions: vLLM, SGLang, llama.cpp and others."""

import os
from collections import deque
from collections.abc import Iterator, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuning.config.own_keys import Generation
from tuning.core.errors import UserError
from tuning.generation.decoding import Response
from tuning.generation.sequence import own_seed

if TYPE_CHECKING:
    from openai import OpenAI

RETRIES = 6  # of a request that gets 408, 409, 429, 5xx or no connection; the client waits longer each time
# GenerationConfig's names and the interface's; what stands in neither goes into the request's extra body,
# where vLLM, SGLang and llama.cpp take top_k, min_p, repetition_penalty and the like.
_NAMES = {"max_new_tokens": "max_tokens", "stop_strings": "stop", "temperature": "temperature", "top_p": "top_p"}
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_h")


@dataclass(frozen=True)
class Server:
    """A server and how it is asked.

    Attributes:
        generation: the section of params.yaml; ``concurrency`` requests are under way at most.
        model: its name on the server.
        seed: a prompt's own seed is made of it and the prompt.
    """

    generation: Generation
    model: str
    seed: int

    def connect(self) -> "OpenAI":
        """A client for ``base_url``; its key is what the environment variable OPENAI_API_KEY holds, if it is set."""
        from openai import OpenAI

        key, given = os.environ.get("OPENAI_API_KEY", "none"), self.generation
        return OpenAI(base_url=given.base_url, api_key=key, timeout=given.timeout, max_retries=RETRIES)


def request(arguments: dict[str, Any], seed: int) -> dict[str, Any]:
    """The arguments of ``chat.completions.create`` that those of GenerationConfig stand for."""
    given = {key: value for key, value in arguments.items() if value is not None}
    if given.pop("do_sample", False):
        options: dict[str, Any] = {"seed": seed}
    else:
        given = {key: value for key, value in given.items() if key not in _SAMPLING}
        options = {"temperature": 0, "seed": seed}
    extra = {key: value for key, value in given.items() if key not in _NAMES}
    options |= {_NAMES[key]: value for key, value in given.items() if key in _NAMES}
    return options | ({"extra_body": extra} if extra else {})


def generate(
    server: Server,
    conversations: list[list[dict[str, str]]],
    done: Set[int] = frozenset(),
    share: tuple[int, int] = (0, 1),
) -> Iterator[list[tuple[int, Response]]]:
    """Yields responses as they arrive, with the index of the conversation that each answers.

    Args:
        done: indices of conversations that need no answer.
        share: of several processes, this one's number and how many there are.

    Raises:
        UserError: the server is not there, does not know the model, or refuses a request for good; what was
            under way has been yielded before.
    """
    own, processes = share
    client, at_once = server.connect(), server.generation.concurrency
    waiting = deque(index for index in range(len(conversations))[own::processes] if index not in done)
    under_way: dict[Future, int] = {}
    failure: BaseException | None = None
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while (waiting and not failure) or under_way:
                while waiting and not failure and len(under_way) < at_once:
                    index = waiting.popleft()
                    options = request(server.generation.arguments, own_seed(server.seed, conversations[index]))
                    under_way[pool.submit(_ask, client, server.model, conversations[index], options)] = index
                arrived, _ = wait(under_way, return_when=FIRST_COMPLETED)
                indices = {future: under_way.pop(future) for future in arrived}
                failures = [future.exception() for future in arrived if future.exception()]
                failure = failure or next(iter(failures), None)
                yield [(index, future.result()) for future, index in indices.items() if not future.exception()]
        except BaseException:
            client.close()  # so that what is under way ends, and an interruption need not wait for it
            raise
    if failure:
        raise failure


def _ask(client: "OpenAI", model: str, conversation: list[dict[str, str]], options: dict[str, Any]) -> Response:
    import openai

    try:
        answer = client.chat.completions.create(model=model, messages=conversation, **options)
    except openai.APITimeoutError:
        raise UserError(f"{client.base_url} took longer than 'generation.timeout', {client.timeout} s") from None
    except openai.APIConnectionError:
        raise UserError(f"'generation.base_url': no server answers at {client.base_url}") from None
    except openai.AuthenticationError:
        raise UserError(f"{client.base_url} wants a key: set the environment variable OPENAI_API_KEY") from None
    except openai.NotFoundError as error:
        raise UserError(f"{client.base_url} does not know the model {model!r}; {_known(client)} ({error})") from None
    except openai.APIStatusError as error:
        raise UserError(f"{client.base_url} refuses a request: {error}") from None
    choice = answer.choices[0]
    tokens = answer.usage.completion_tokens if answer.usage else 0
    return Response(choice.message.content or "", tokens, "length" if choice.finish_reason == "length" else "stop")


def _known(client: "OpenAI") -> str:
    """In words, the models that the server lists."""
    import openai

    try:
        return "it has " + ", ".join(repr(model.id) for model in client.models.list())
    except openai.OpenAIError:
        return "and does not list those that it has"
