"""Arrangements of the same sentences: paragraphs, bullets, sections, highlights, a title, JSON, quotation."""

import json
import random
import re

from ifeval.impose.register import ARRANGEMENT, WRAPPING, Around, content_words, groups, imposes, is_plain, sentences

_KEYS = (
    ("answer",),
    ("response",),
    ("text",),
    ("result",),
    ("topic", "answer"),
    ("title", "text"),
    ("summary", "details"),
)


def _parts(text: str, least: int) -> list[str] | None:
    """The sentences of prose, if there are enough."""
    parts = sentences(text)
    return parts if is_plain(text) and len(parts) >= least else None


def _divided(text: str, rng: random.Random, most: int) -> list[str] | None:
    """The text in some pieces of whole sentences."""
    parts = _parts(text, 2)
    if parts is None:
        return None
    return [" ".join(group) for group in groups(parts, rng.randint(2, min(most, len(parts))))]


@imposes("length_constraints:number_paragraphs", ARRANGEMENT)
def number_paragraphs(text: str, rng: random.Random, around: Around):
    """Three asterisks between pieces."""
    pieces = _divided(text, rng, 5)
    return None if pieces is None else ("\n\n***\n\n".join(pieces), {"num_paragraphs": len(pieces)})


@imposes("length_constraints:nth_paragraph_first_word", ARRANGEMENT)
def nth_paragraph_first_word(text: str, rng: random.Random, around: Around):
    """Blank lines between pieces; asks for the word with which one of them starts."""
    pieces = _divided(text, rng, 5)
    if pieces is None:
        return None
    nth = rng.randint(1, len(pieces))
    word = re.match(r"[^\s.,?!'\"]*", pieces[nth - 1]).group().lower()
    kwargs = {"num_paragraphs": len(pieces), "nth_paragraph": nth, "first_word": word}
    return ("\n\n".join(pieces), kwargs) if word.isalpha() else None


@imposes("detectable_format:number_bullet_lists", ARRANGEMENT)
def number_bullet_lists(text: str, rng: random.Random, around: Around):
    """A bullet for each line of a list that is there, or else for each sentence or two."""
    items = re.findall(r"^\s*(?:[-*]|\d+[.)])\s+(.+)$", text, re.MULTILINE)
    if len(items) < 2 or len(items) != len([line for line in text.split("\n") if line.strip()]):
        items = _divided(text, rng, 6)
    if items is None or any(item.startswith("*") for item in items):
        return None
    return "\n".join(f"* {item}" for item in items), {"num_bullets": len(items)}


@imposes("detectable_format:multiple_sections", ARRANGEMENT)
def multiple_sections(text: str, rng: random.Random, around: Around):
    """A heading with a number before each piece."""
    pieces = _divided(text, rng, 4)
    if pieces is None:
        return None
    name = rng.choice(("Section", "SECTION", "Part", "PART", "Chapter", "Step", "Day", "Paragraph"))
    lines = [f"{name} {number}\n{piece}" for number, piece in enumerate(pieces, start=1)]
    return "\n\n".join(lines), {"section_spliter": name, "num_sections": len(pieces)}


@imposes("detectable_format:number_highlighted_sections", ARRANGEMENT)
def number_highlighted_sections(text: str, rng: random.Random, around: Around):
    """Asterisks around content words with what stands beside them."""
    if not is_plain(text) or "*" in text:
        return None
    phrases = [match.group() for match in re.finditer(r"\b[a-z]{4,} [a-z]{4,}\b", text)]
    phrases = [phrase for phrase in dict.fromkeys(phrases) if set(content_words(phrase)) == set(phrase.split())]
    phrases = phrases or content_words(text)
    count = rng.randint(1, 4)
    if len(phrases) < count:
        return None
    for phrase in rng.sample(phrases, count):
        text = re.sub(rf"(?<!\*)\b{phrase}\b(?!\*)", f"*{phrase}*", text, count=1)
    return text, {"num_highlights": count}


@imposes("detectable_format:title", ARRANGEMENT)
def title(text: str, rng: random.Random, around: Around):
    """What the first sentence begins with, up to a word that says something."""
    words = re.findall(r"[A-Za-z][\w'-]*", sentences(text)[0] if sentences(text) else text)[:6]
    while len(words) > 2 and not content_words(words[-1].lower()):
        words = words[:-1]
    if len(words) < 2:
        return None
    return f"<<{' '.join(word[0].upper() + word[1:] for word in words)}>>\n\n{text}", {}


@imposes("combination:two_responses", ARRANGEMENT)
def two_responses(text: str, rng: random.Random, around: Around):
    """This answer and another."""
    if not around.other or around.other.strip() == text or "***" in text + around.other:
        return None
    return f"{text}\n\n******\n\n{around.other.strip()}", {}


@imposes("detectable_format:json_format", WRAPPING)
def json_format(text: str, rng: random.Random, around: Around):
    """The text, or its first sentence and the rest, as values of an object."""
    keys, parts = rng.choice(_KEYS), sentences(text)
    if len(keys) == 2 and len(parts) > 1 and is_plain(text):
        values = [parts[0], " ".join(parts[1:])]
    else:
        keys, values = keys[-1:], [text]
    shown = json.dumps(dict(zip(keys, values, strict=True)), indent=2, ensure_ascii=False)
    return (f"```json\n{shown}\n```" if rng.random() < 0.3 else shown), {}


@imposes("startend:quotation", WRAPPING)
def quotation(text: str, rng: random.Random, around: Around):
    """Double quotation marks around it; those inside become single ones."""
    return '"' + text.replace('"', "'") + '"', {}


@imposes("combination:repeat_prompt", WRAPPING)
def repeat_prompt(text: str, rng: random.Random, around: Around):
    """The task first."""
    if not around.task or not around.task.strip():
        return None
    return f"{around.task.strip()}\n\n{text}", {"prompt_to_repeat": around.task.strip()}
