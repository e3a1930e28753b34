"""Answers from a server with the interface of OpenAI's chat completions: vLLM, SGLang, llama.cpp and others."""

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuning.config.own_keys import Generation
from tuning.core.errors import UserError, explained
from tuning.generation.decoding import Response
from tuning.generation.sequence import own_seed
from tuning.generation.server_reply import NoAnswer, Refused, Reply, parse, words

if TYPE_CHECKING:
    from openai import OpenAI

RETRIES = 6  # of a request that gets 408, 409, 429, 5xx, no connection, or 200 without an answer
WAITS_S = 0.5  # before the first of them, after a 200 without an answer; each later one waits twice as long
LONGEST_WAIT_S = 8.0
REFUSED_AT_MOST = 20  # prompts, before one has been answered; then it is not the prompts
# GenerationConfig's names and the interface's; what stands in neither goes into the request's extra body,
# where vLLM, SGLang and llama.cpp take top_k, min_p, repetition_penalty and the like.
_NAMES = {"max_new_tokens": "max_tokens", "stop_strings": "stop", "temperature": "temperature", "top_p": "top_p"}
_SAMPLING = ("temperature", "top_p", "top_k", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_h")


Asked = list[dict[str, str]] | str  # a conversation, or a bare prompt to be continued


@dataclass(frozen=True)
class Server:
    """A server and how it is asked.

    Attributes:
        generation: the section of params.yaml; ``concurrency`` requests are under way at most.
        model: its name on the server.
        seed: a prompt's own seed is made of it and the prompt.
        keys: of the prompts, to name them by.
        count_tokens: of a text, where the server does not count them.
        say: shows a line to the user.
    """

    generation: Generation
    model: str
    seed: int
    keys: Sequence[Any]
    count_tokens: Callable[[str], int]
    say: Callable[[str], None]

    def connect(self) -> "OpenAI":
        """A client for ``base_url``; its key is what the environment variable OPENAI_API_KEY holds, if it is set.

        Raises:
            UserError: the address or the key cannot be used.
        """
        from openai import OpenAI

        given, key = self.generation, os.environ.get("OPENAI_API_KEY", "").strip() or "none"
        if not given.base_url.lower().startswith(("http://", "https://")):
            raise UserError(f"'generation.base_url' must begin with http:// or https://: 'http://{given.base_url}'?")
        if not (key.isascii() and key.isprintable()):
            raise UserError("the environment variable OPENAI_API_KEY holds a line break or a sign that no key has")
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
    conversations: Sequence[Asked],
    done: Set[int] = frozenset(),
    share: tuple[int, int] = (0, 1),
) -> Iterator[list[tuple[int, Response]]]:
    """Yields responses as they arrive, with the index of the conversation that each answers.

    A prompt that the server refuses, such as one that is longer than its context, is named and gets an empty response
    with the finish reason ``refused``, after all others have been answered.

    Args:
        done: indices of conversations that need no answer.
        share: of several processes, this one's number and how many there are.

    Raises:
        UserError: the server is not there, does not know the model, gives no answer, or refuses all prompts; what was
            under way has been yielded before.
    """
    own, processes = share
    client, at_once = Client(server), server.generation.concurrency
    waiting = deque(index for index in range(len(conversations))[own::processes] if index not in done)
    under_way: dict[Future, int] = {}
    refused: dict[int, str] = {}
    replies: list[Reply] = []
    failure: BaseException | None = None
    with ThreadPoolExecutor(at_once) as pool:
        try:
            while (waiting and not failure) or under_way:
                while waiting and not failure and len(under_way) < at_once:
                    index = waiting.popleft()
                    under_way[pool.submit(client.ask, conversations[index])] = index
                arrived, _ = wait(under_way, return_when=FIRST_COMPLETED)
                found: list[tuple[int, Response]] = []
                for future in arrived:
                    index, error = under_way.pop(future), future.exception()
                    if error is None:
                        replies.append(future.result())
                        found.append((index, _response(server, replies[-1])))
                    elif isinstance(error, Refused):
                        refused[index] = str(error)
                    else:
                        failure = failure or _explained(error, server.keys[index])
                if len(refused) > REFUSED_AT_MOST and not replies:
                    failure = failure or _all_refused(client, refused)
                yield found
        except BaseException:
            client.close()  # cancels pending requests, so that Ctrl-C need not wait for them
            raise
    if refused and not replies and not done:
        failure = failure or _all_refused(client, refused)
    if failure:
        raise failure
    for index, said in sorted(refused.items()):
        server.say(f"warning: prompt {server.keys[index]!r} is refused, and its answer is empty: {said}")
    yield [(index, Response("", 0, "refused")) for index in sorted(refused)]
    _tell_of_empty(server, replies)


def _response(server: Server, reply: Reply) -> Response:
    tokens = server.count_tokens(reply.text) if reply.new_tokens is None else reply.new_tokens
    return Response(reply.text, tokens, "length" if reply.finish_reason == "length" else "stop")


def _explained(error: BaseException, key: Any) -> BaseException:
    """The error; of a library's, what was being done."""
    if isinstance(error, UserError) or not isinstance(error, Exception):
        return error
    return UserError(f"while asking the server for an answer to prompt {key!r}: {explained(error)}")


def _all_refused(client: "Client", refused: dict[int, str]) -> UserError:
    return UserError(f"{client.address} refuses every prompt: {next(iter(refused.values()))}")


def _tell_of_empty(server: Server, replies: list[Reply]) -> None:
    """A warning about answers without text, with what the server says of them."""
    empty = [reply for reply in replies if not reply.text.strip()]
    if not empty:
        return
    reasons = sorted({reply.finish_reason for reply in empty})
    text = f"warning: {len(empty)} of {len(replies)} answers are empty (finish reason {', '.join(reasons)})"
    if any(reply.reasoning for reply in empty):
        text += ": the server puts text into reasoning_content; turn its reasoning off, or allow more new tokens"
    server.say(text)


class Client:
    """Asks a server, again where that may help.

    Args:
        server: as ``generate`` has it; its key and address are checked at once.
    """

    def __init__(self, server: Server):
        self.server, self.openai = server, server.connect()
        self.address = server.generation.base_url
        self.limit = _NAMES["max_new_tokens"]  # newer servers want another name for it

    def close(self) -> None:
        self.openai.close()

    def ask(self, conversation: Asked) -> Reply:
        """The answer to a conversation, or what continues a bare prompt.

        Raises:
            Refused: the server refuses this conversation.
            UserError: it does not answer any.
        """
        options = request(self.server.generation.arguments, own_seed(self.server.seed, conversation))
        if isinstance(conversation, str):
            asked: dict[str, Any] = {"prompt": _sendable(conversation)}
        else:
            asked = {"messages": [{**turn, "content": _sendable(turn["content"])} for turn in conversation]}
        failures = 0
        while True:
            try:
                return self._ask_once(asked, options)
            except NoAnswer as error:
                if not error.again or failures == RETRIES:
                    raise UserError(f"{self.address}: {error}{self._advice()}") from None
                time.sleep(min(LONGEST_WAIT_S, WAITS_S * 2**failures))
                failures += 1

    def _ask_once(self, asked: dict[str, Any], options: dict[str, Any]) -> Reply:
        import openai

        client = self.openai
        interface = client.completions if "prompt" in asked else client.chat.completions
        create = interface.with_raw_response.create
        limit = self.limit
        given = {limit if key == _NAMES["max_new_tokens"] else key: value for key, value in options.items()}
        try:
            reply = create(model=self.server.model, **asked, **given).http_response
            return parse(reply.text, reply.headers.get("content-type", ""))
        except openai.APITimeoutError:
            seconds = self.server.generation.timeout
            raise UserError(f"{self.address} took longer than 'generation.timeout', {seconds} s") from None
        except openai.APIConnectionError as error:
            cause = words(error.__cause__ or error)
            raise UserError(f"'generation.base_url': no server answers at {self.address} ({cause})") from None
        except openai.AuthenticationError as error:
            advice = "set the environment variable OPENAI_API_KEY"
            raise UserError(f"{self.address} wants a key: {advice} ({words(error.body)})") from None
        except openai.NotFoundError as error:
            said = f"does not know the model {self.server.model!r}; {_known(client)} ({words(error.body)})"
            raise UserError(f"{self.address} {said}{self._advice()}") from None
        except openai.APIStatusError as error:
            said = f"{error.status_code}: {words(error.body)}"
            if error.status_code not in (400, 413, 422):
                raise UserError(f"{self.address} refuses a request: {said}") from None
            if "max_completion_tokens" in said and limit in given and limit != "max_completion_tokens":
                self.limit = "max_completion_tokens"
                return self._ask_once(asked, options)
            raise Refused(said) from None

    def _advice(self) -> str:
        return "" if self.address.rstrip("/").endswith("/v1") else f"; is the address {self.address.rstrip('/')}/v1?"


def _sendable(text: str) -> str:
    """The text with the replacement character in the place of lone surrogates, which UTF-8 cannot hold."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def _known(client: "OpenAI") -> str:
    """A phrase that lists the models of the server, for a message."""
    import openai

    try:
        return "it has " + ", ".join(repr(model.id) for model in client.models.list())
    except (openai.OpenAIError, AttributeError, TypeError, ValueError):
        return "and does not list those that it has"
