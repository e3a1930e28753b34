"""A server with the interface of OpenAI's chat completions, one prompt at a time: what is sent and tried again."""

import os
import re
import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuning.config.own_keys import Generation
from tuning.core.errors import UserError
from tuning.generation.sequence import own_seed
from tuning.generation.server_dialects import INTERFACE, OTHER, TRANSFORMERS, Dialect, argument, dialect, request
from tuning.generation.server_reply import Failed, NoAnswer, Refused, Reply, parse, words

if TYPE_CHECKING:
    from openai import APIConnectionError, APIStatusError, OpenAI

RETRIES = 6  # of a request that gets 408, 409, 429, 5xx, no connection, or 200 without an answer
WAITS_S = 0.5  # before the first of them, after a 200 without an answer; each later one waits twice as long
LONGEST_WAIT_S = 8.0
_LIMIT, _NEWER_LIMIT = INTERFACE["max_new_tokens"], "max_completion_tokens"
_TOO_LONG = ("too large", "maximum context length")  # in refusals of a length, which may name both limits
_NO_CONNECTION = ("ConnectError", "InvalidURL", "UnsupportedProtocol")  # names in the client's own library
_PAGE = re.compile(r"/(chat/)?completions/?$")  # what a client adds to an address

Asked = list[dict[str, str]] | str | list[int]  # a conversation, or a bare prompt, or its token ids, to be continued


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
        ends: ids of the tokens at which an answer ends.
        token_ids: the prompts as the model reads them, for those that must be shortened; None where they cannot be.
        special: indices of prompts with special tokens' texts, which a server would read as special tokens.
        before: a prompt as text, by its index, up to where its answer begins; nothing of those to the tuned model.
    """

    generation: Generation
    model: str
    seed: int
    keys: Sequence[Any]
    count_tokens: Callable[[str], int]
    say: Callable[[str], None]
    ends: Sequence[int] = ()
    token_ids: Callable[[], list[list[int]]] | None = None
    special: Set[int] = frozenset()
    before: Callable[[int], str] = lambda index: ""

    def connect(self) -> "OpenAI":
        """A client for ``base_url``; its key is what the environment variable OPENAI_API_KEY holds, if it is set.

        Raises:
            UserError: the address or the key cannot be used.
        """
        from openai import OpenAI

        given, key = self.generation, os.environ.get("OPENAI_API_KEY", "").strip() or "none"
        address = given.base_url.strip()
        if not address.lower().startswith(("http://", "https://")):
            raise UserError(f"'generation.base_url' must begin with http:// or https://: 'http://{address}'?")
        if page := _PAGE.search(address):
            raise UserError(f"'generation.base_url' must end before {page[0]!r}, which is added to it: {address!r}")
        if not (key.isascii() and key.isprintable()):
            raise UserError("the environment variable OPENAI_API_KEY holds a line break or a sign that no key has")
        try:
            return OpenAI(base_url=address, api_key=key, timeout=given.timeout, max_retries=RETRIES)
        except Exception as error:  # of the library's own library
            raise UserError(f"'generation.base_url' is no address ({error}): {address!r}") from None


class Client:
    """Asks a server, again where that may help.

    Args:
        server: as ``server_client.generate`` has it; its key and address are checked at once.
    """

    def __init__(self, server: Server):
        self.server, self.openai = server, server.connect()
        self.address = server.generation.base_url.strip()
        self.limit = _LIMIT  # newer servers want another name for it
        self.kind: Dialect = OTHER
        self.without: set[str] = set()  # names that the server refuses in a request

    def meet(self) -> int | None:
        """Finds out what kind of server it is, and the tokens of its context; None where it does not say.

        Raises:
            UserError: it has no such setting as params.yaml asks for.
        """
        import openai

        try:
            listed = self.openai.with_options(max_retries=0).models.with_raw_response.list().http_response.json()
            models = [model for model in listed["data"] if isinstance(model, dict)]
        except (openai.OpenAIError, ValueError, KeyError, TypeError):  # what is wrong shows when it is asked
            models = []
        self.kind = dialect(models)
        self._options(seed=0)
        return max(filter(None, map(_context, models)), default=None)

    def close(self) -> None:
        self.openai.close()

    def ask(self, asked: Asked, limit: int | None = None) -> Reply:
        """The answer to a conversation, or what continues a bare prompt.

        Args:
            limit: of new tokens, where it is less than ``generation.max_new_tokens``.

        Raises:
            Refused: the server refuses this conversation.
            Failed: it does not answer this one, and may answer others.
            UserError: it does not answer any.
        """
        seed, failures = own_seed(self.server.seed, asked), 0
        while True:
            try:
                return self._ask_once(_said(asked), seed, limit)
            except NoAnswer as error:
                if not error.again:
                    raise UserError(f"{self.address}: {error}{self._advice()}") from None
                if failures == RETRIES:
                    raise Failed(f"{self.address}: {error}{self._advice()}") from None
                time.sleep(min(LONGEST_WAIT_S, WAITS_S * 2**failures))
                failures += 1

    def _options(self, seed: int, limit: int | None = None, bare: bool = False) -> dict[str, Any]:
        """What is sent beside the prompt; the newer name of the limit is none of the interface for bare prompts."""
        options = request(self.kind, self.server.generation.arguments, self.server.ends, seed)
        extra = {key: value for key, value in options.pop("extra_body", {}).items() if key not in self.without}
        options = {key: value for key, value in options.items() if key not in self.without}
        if limit is not None and _LIMIT in options:
            options[_LIMIT] = limit
        renamed = _LIMIT if bare else self.limit
        options = {renamed if key == _LIMIT else key: value for key, value in options.items()}
        return options | ({"extra_body": extra} if extra else {})

    def _ask_once(self, asked: dict[str, Any], seed: int, limit: int | None) -> Reply:
        import openai

        bare = "prompt" in asked
        client, options = self.openai, self._options(seed, limit, bare)
        interface = client.completions if bare else client.chat.completions
        try:
            reply = interface.with_raw_response.create(model=self.server.model, **asked, **options).http_response
            if reply.request.method != "POST":  # what a client makes of some redirections
                raise UserError(
                    f"'generation.base_url': {self.address} sends on to {reply.url}: set it to where that is"
                )
            return parse(reply.text, reply.headers.get("content-type", ""))
        except openai.APITimeoutError:
            seconds = self.server.generation.timeout
            raise Failed(f"{self.address} took longer than 'generation.timeout', {seconds} s") from None
        except openai.APIConnectionError as error:
            cause = words(error.__cause__ or error)
            if not _unreached(error):
                raise Failed(f"{self.address} breaks off, or what it sends cannot be read ({cause})") from None
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
                advice = "; lower 'generation.concurrency'" if error.status_code == 429 else ""
                raise Failed(f"{self.address} refuses a request: {said}{advice}") from None
            if self._understands(error, options, bare):
                return self._ask_once(asked, seed, limit)
            raise Refused(said) from None

    def _understands(self, refusal: "APIStatusError", sent: dict[str, Any], bare: bool) -> bool:
        """Whether a refusal is about names in the request, and another one without them may be answered.

        Raises:
            UserError: params.yaml asks for what the server does not take.
        """
        said, body = refusal.response.text, refusal.body
        too_long = any(phrase in said.lower() for phrase in _TOO_LONG)
        if _NEWER_LIMIT in said and _LIMIT in sent and not bare and not too_long:
            self.limit = _NEWER_LIMIT
            return True
        extra = set(sent.get("extra_body", {}))
        named = {name for name in extra if re.search(rf"\b{name}\b", said)}
        if named and "Unexpected fields in the request" in said and "generation_config" not in extra:
            self.kind = TRANSFORMERS
            return True
        given = {key for key, value in self.server.generation.arguments.items() if value is not None}
        for name in sorted(named):
            if (key := argument(self.kind, name)) in given:
                raise UserError(f"'generation.{key}': {self.address} does not take {name!r} ({words(body)}): change it")
        if not named - self.without:
            return bool(named)  # another thread has just been told
        self.without |= named
        if named & set(self.kind.keeps_stop or {}):
            self.without.add(INTERFACE["stop_strings"])  # it would be cut off: answers are cut here
        listed = ", ".join(sorted(named))
        self.server.say(f"warning: {self.address} does not take {listed} ({words(body)}), and is asked without")
        return True

    def _advice(self) -> str:
        return "" if self.address.rstrip("/").endswith("/v1") else f"; is the address {self.address.rstrip('/')}/v1?"


def _unreached(error: "APIConnectionError") -> bool:
    """Whether there was no connection at all; of a server that has been there, something else is wrong."""
    return error.__cause__ is None or type(error.__cause__).__name__ in _NO_CONNECTION


def _context(model: dict[str, Any]) -> int | None:
    """The tokens of a listed model's context, as vLLM and SGLang tell it, or as llama.cpp does."""
    meta = model.get("meta")
    found = model.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, dict) else None)
    return found if isinstance(found, int) else None


def _said(asked: Asked) -> dict[str, Any]:
    """The prompt as an argument of the interface."""
    if isinstance(asked, str):
        return {"prompt": _sendable(asked)}
    if isinstance(asked[0], int):
        return {"prompt": asked}
    return {"messages": [{**turn, "content": _sendable(turn["content"])} for turn in asked]}


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
