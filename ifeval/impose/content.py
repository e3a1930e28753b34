"""Words that must be there or must not: keywords, placeholders, a postscript, a last phrase, a fixed answer."""

import random
import re

from ifeval.describe import LANGUAGES
from ifeval.impose.register import COUNTS, WORDS, Around, content_words, imposes, is_plain, sentences
from ifeval.text import Text

_ENDINGS = (
    "I hope this helps.",
    "That is all there is to it.",
    "Let me know how it goes.",
    "Good luck with it!",
    "Is there anything else?",
    "And that is the whole story.",
    "More on this another time.",
    "Does this answer your question?",
    "Take what you need from it.",
    "So much for today.",
    "Try it and see.",
    "The rest is up to you.",
    "Ask me if anything is unclear.",
    "Thank you for reading.",
    "Now it is your turn.",
    "Nothing more needs to be said.",
    "Who would have thought it?",
    "Remember the first step.",
    "That was the short version.",
    "Sleep on it.",
    "All beginnings are hard.",
    "See for yourself.",
    "You will know when you get there.",
    "What would you do?",
    "Better late than never.",
    "It pays to be patient.",
    "Here ends the lesson.",
    "Tell a friend about it.",
    "Small steps count.",
    "Keep this page for later.",
)
_FILL_INS = (
    ("For questions, write to {}.", "[email]"),
    ("Ask for {}.", "[name]"),
    ("The number is {}.", "[phone]"),
    ("It was written on {}.", "[date]"),
    ("The place is {}.", "[location]"),
    ("More is at {}.", "[website]"),
    ("It was prepared by {}.", "[author]"),
    ("The next one follows on {}.", "[day]"),
)
# Common words that many answers would hold, so that leaving them out means something.
_COMMON = (
    "very really thing things good great best important people often usually always never however therefore "
    "because example different simple easy quickly actually simply just many time world life help work small "
    "large start first finally also perhaps today best better little kind nice amazing perfect special"
).split()


@imposes("keywords:existence", COUNTS)
def existence(text: str, rng: random.Random, around: Around):
    """Asks for words that are there: first for such as neither the task nor another answer to it holds.

    Only the instruction explains these.
    """
    words, count = content_words(text), rng.choice((1, 2, 2, 3))
    said = f"{around.task} {around.other}".lower()
    telling = [word for word in words if word not in said]
    words = telling if len(telling) >= count else words
    return (text, {"keywords": rng.sample(words, count)}) if len(words) >= count else None


@imposes("keywords:frequency", COUNTS)
def frequency(text: str, rng: random.Random, around: Around):
    """Asks for a word as often as it is there, or less often than one time more."""
    words = content_words(text)
    counts = {word: len(re.findall(word, text, re.IGNORECASE)) for word in words}
    often = [word for word in words if counts[word] > 1]
    if often and rng.random() < 0.7:
        word = rng.choice(often)
        return text, {"keyword": word, "frequency": counts[word], "relation": "at least"}
    if not words:
        return None
    word = rng.choice(words)
    return text, {"keyword": word, "frequency": counts[word] + rng.randint(1, 2), "relation": "less than"}


@imposes("keywords:forbidden_words", COUNTS)
def forbidden_words(text: str, rng: random.Random, around: Around):
    """Forbids common words that are not there."""
    held = text.lower()
    absent = sorted({word for word in _COMMON if word not in held})
    return (text, {"forbidden_words": rng.sample(absent, rng.randint(1, 3))}) if len(absent) > 2 else None


@imposes("language:response_language", COUNTS)
def response_language(text: str, rng: random.Random, around: Around):
    """Asks for the language that it is in."""
    language = Text(text).language
    return (text, {"language": language}) if language in LANGUAGES else None


@imposes("detectable_format:constrained_response", WORDS)
def constrained_response(text: str, rng: random.Random, around: Around):
    """What starts with yes or no, or says that it depends, is one of the three answers."""
    start = re.match(r"(yes|no|maybe|perhaps|it depends)\b", text.lower())
    if start is None:
        return None
    answer = start.group(1) if start.group(1) in ("yes", "no") else "maybe"
    return f"My answer is {answer}.", {}


@imposes("detectable_content:number_placeholders", WORDS)
def number_placeholders(text: str, rng: random.Random, around: Around):
    """Adds what someone else has to fill in; numbers of the text become placeholders first."""
    if not is_plain(text) or "=" in text:
        return None
    count = rng.randint(1, 4)
    changed, replaced = text, 0
    for match in reversed(list(re.finditer(r"(?<![\w.,])\d{1,4}(?![\w.,]\w)", text))):
        if replaced < count:
            changed = f"{changed[: match.start()]}[number]{changed[match.end() :]}"
            replaced += 1
    added = [frame.format(name) for frame, name in rng.sample(_FILL_INS, count - replaced)]
    return "\n\n".join([changed, " ".join(added)] if added else [changed]), {"num_placeholders": count}


@imposes("detectable_content:postscript", WORDS)
def postscript(text: str, rng: random.Random, around: Around):
    """Its last sentence becomes the postscript."""
    parts = sentences(text)
    if len(parts) < 3 or not is_plain(text) or "\n" in text:
        return None
    marker = rng.choice(("P.S.", "P.S.", "P.P.S"))
    return f"{text[: text.rindex(parts[-1])].rstrip()}\n\n{marker} {parts[-1]}", {"postscript_marker": marker}


@imposes("startend:end_checker", WORDS)
def end_checker(text: str, rng: random.Random, around: Around):
    """Asks for the sentence that is there, or adds a phrase at the end."""
    parts = sentences(text)
    if rng.random() < 0.6:
        fits = len(parts) > 1 and len(parts[-1]) < 80 and '"' not in parts[-1]
        return (text, {"end_phrase": parts[-1]}) if fits else None
    phrase = rng.choice(_ENDINGS)
    return f"{text}{' ' if is_plain(text) else chr(10) * 2}{phrase}", {"end_phrase": phrase}
