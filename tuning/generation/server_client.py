"""Answers from a server with the interface of OpenAI's chat completions: vLLM, SGLang, llama.cpp and others."""

from collections import deque
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from tuning.core.errors import UserError, explained
from tuning.generation.decoding import Response, fit
from tuning.generation.server_connection import Asked, Client, Server
from tuning.generation.server_reply import Failed, Refused, Reply
from tuning.model.chat_template import with_thoughts_opened

REFUSED_AT_MOST = 20  # prompts, and none answered; then no more are asked: it is not the prompts


def generate(
    server: Server,
    conversations: Sequence[Asked],
    done: Set[int] = frozenset(),
    share: tuple[int, int] = (0, 1),
) -> Iterator[list[tuple[int, Response]]]:
    """Yields responses as they arrive, with the index of the conversation that each answers.

    A prompt that the server refuses is named and gets an empty response with the finish reason ``refused``, after all
    others have been answered. Where the server says how long its context is, a prompt that is longer is fitted as the
    project's own engine fits it (``decoding.fit``), and not refused.

    Args:
        done: indices of conversations that need no answer.
        share: of several processes, this one's number and how many there are.

    Raises:
        UserError: the server is not there, does not know the model, gives a prompt no answer, or refuses all prompts;
            what was under way has been yielded before.
    """
    own, processes = share
    client, at_once = Client(server), server.generation.concurrency
    waiting = deque(index for index in range(len(conversations))[own::processes] if index not in done)
    asked = _fitted(client, conversations, speaks=own == 0) if waiting else []
    under_way: dict[Future, int] = {}
    refused: dict[int, str] = {}
    replies: list[Reply] = []
    failure: BaseException | None = None

    def hopeless() -> bool:
        return len(refused) > REFUSED_AT_MOST and not replies and not done

    with ThreadPoolExecutor(at_once) as pool:
        try:
            while (waiting and not failure) or under_way:
                while waiting and not failure and len(under_way) < at_once and not hopeless():
                    index = waiting.popleft()
                    under_way[pool.submit(client.ask, *asked[index])] = index
                arrived, _ = wait(under_way, return_when=FIRST_COMPLETED)
                found: list[tuple[int, Response]] = []
                for future in arrived:
                    index, error = under_way.pop(future), future.exception()
                    if error is None:
                        replies.append(future.result())
                        found.append((index, _response(server, index, replies[-1], not client.kind.whole)))
                    elif isinstance(error, Refused):
                        refused[index] = str(error)
                    else:
                        failure = failure or _explained(error, server.keys[index])
                if hopeless() and not under_way:
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


def _fitted(client: Client, conversations: Sequence[Asked], speaks: bool) -> list[tuple[Asked, int | None]]:
    """What is asked, and the new tokens that each prompt may get where these are fewer than the others get.

    A server that takes them is given token ids of prompts that must be shortened, or hold special tokens' texts.

    Args:
        speaks: whether this process tells of prompts that are too long.
    """
    server, context = client.server, client.meet()
    by_ids = server.special if client.kind.takes_ids else frozenset()
    if server.token_ids is None or (context is None and not by_ids):
        return [(conversation, None) for conversation in conversations]
    prompts, most = server.token_ids(), server.generation.arguments["max_new_tokens"]
    asked: list[tuple[Asked, int | None]] = []
    say = server.say if speaks else lambda text: None
    fitted = fit(prompts, most, context or 1 << 30, say, cut=client.kind.takes_ids)
    for index, (conversation, (kept, limit)) in enumerate(zip(conversations, fitted, strict=True)):
        as_ids = len(kept) < len(prompts[index]) or index in by_ids
        asked.append((kept if as_ids else conversation, limit if limit < most else None))
    return asked


def _response(server: Server, index: int, reply: Reply, cut_here: bool) -> Response:
    """The answer, up to the first stop string, which belongs to it.

    Of one that is cut, and of which the server keeps no reasoning apart, thoughts that the prompt opens may be all. One
    that ends by itself, or is of the tuned model, which ends its thoughts at once, may come from a server that leaves
    out thoughts that are empty.
    """
    text, tokens = reply.text, reply.new_tokens
    ends = [text.find(stop) + len(stop) for stop in _stop_strings(server) if stop in text] if cut_here else []
    if ends and min(ends) < len(text):
        return Response(text[: min(ends)], server.count_tokens(text[: min(ends)]), "stop")
    tokens = server.count_tokens(text) if tokens is None else tokens
    if reply.finish_reason != "length" or ends:
        return Response(text, tokens, "stop")
    return Response(text if reply.reasoning else with_thoughts_opened(server.before(index), text), tokens, "length")


def _stop_strings(server: Server) -> list[str]:
    given = server.generation.arguments.get("stop_strings") or []
    return [given] if isinstance(given, str) else given


def _explained(error: BaseException, key: Any) -> BaseException:
    """The error with the prompt and what to do; of a library's, what was being done."""
    if isinstance(error, Failed):
        again = "finished answers are kept, and the same command goes on from them"
        one = f"if it is prompt {key!r} each time, look into the server's log, or leave it out of 'ifeval.prompts'"
        return UserError(f"prompt {key!r}: {error}; {again}; {one}")
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
