"""Counts that need NLTK, with its version pinned, because its rules decide verdicts."""

import functools
import re

# Without one of these no token can be all capitals: tokens are only divided within a run of letters in
# contractions, and of their parts only the T of 'T(is) and 'T(was) is a single letter.
_MAY_BE_IN_CAPITALS = re.compile(r"[A-Z](?![a-z])|'T|[^\x00-\x7f]")


def count_words(text: str) -> int:
    """Matches of ``\\w+`` in the engine that NLTK's RegexpTokenizer uses.

    NLTK 3.10.3 and later compile it with the ``regex`` package, whose ``\\w`` includes combining
    marks and join controls. Matched here without NLTK's limit of five seconds by the clock.
    """
    return sum(1 for _ in _word_pattern().finditer(text))


def count_sentences(text: str) -> int:
    """Number of pieces into which NLTK's English Punkt model splits the text."""
    return sum(1 for _ in _punkt().span_tokenize(text))


def sentences(text: str) -> list[str]:
    """The pieces themselves."""
    return _punkt().tokenize(text)


def capital_words(text: str) -> list[str]:
    """The tokens of ``nltk.word_tokenize`` for which ``str.isupper`` holds."""
    if not _MAY_BE_IN_CAPITALS.search(text):
        return []
    tokenizer = _word_tokenizer()
    return [
        token
        for sentence in _punkt().tokenize(text)
        if _MAY_BE_IN_CAPITALS.search(sentence)
        for token in tokenizer.tokenize(sentence)
        if token.isupper()
    ]


@functools.cache
def _word_pattern():
    import regex

    return regex.compile(r"\w+", re.UNICODE | re.MULTILINE | re.DOTALL)


@functools.cache
def _punkt():
    from nltk import redos
    from nltk.tokenize.punkt import PunktTokenizer

    # NLTK ends any match after five seconds by the clock, with an error: a verdict would depend on the
    # speed of the machine. The patterns used here are NLTK's own and take linear time.
    redos.DEFAULT_TIMEOUT = None
    try:
        return PunktTokenizer("english")
    except LookupError:
        raise FileNotFoundError(
            "NLTK's English sentence model 'punkt_tab' is not installed: run `python -m nltk.downloader punkt_tab`, "
            "or, in a checkout of this project, `make setup`"
        ) from None


@functools.cache
def _word_tokenizer():
    from nltk.tokenize.destructive import NLTKWordTokenizer

    return NLTKWordTokenizer()
