"""Numbers of sentences, words and paragraphs."""

import random
import re

from ifeval.instructions.base import ARRANGES, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import bound_beside, compare, impossible_bound, plural
from ifeval.parameters import integer, relation, text
from ifeval.prose import divided
from ifeval.text import Text


@register
class NumberOfSentences(Instruction):
    """Less than, or at least, so many sentences, as NLTK's English Punkt model splits them."""

    id = "length_constraints:number_sentences"
    parameters = {"num_sentences": integer(5), "relation": relation()}
    layer = Layer.COUNTS
    on_long_texts = True
    wordings = {
        "at least": (
            "Write at least {num_sentences:sentence}.",
            "Use {num_sentences} or more sentences.",
            "I expect no fewer than {num_sentences:sentence}.",
            "It should have {num_sentences:sentence} as a minimum.",
            "{task} Take {num_sentences:sentence} or more for it.",
            "Fewer than {num_sentences:sentence} would be too short.",
            "Elaborate: {num_sentences:sentence} or more.",
            "The count of sentences must reach {num_sentences}.",
        ),
        "less than": (
            "Write less than {num_sentences:sentence}.",
            "Get by with fewer than {num_sentences:sentence}.",
            "Let it have under {num_sentences:sentence}.",
            "It must not reach {num_sentences:sentence}.",
            "{task} Be brief: below {num_sentences:sentence}.",
            "{num_sentences:sentence} would already be too many.",
            "Stay short of {num_sentences:sentence}.",
            "The count of sentences has to be smaller than {num_sentences}.",
        ),
    }

    def impossible(self) -> str | None:
        return impossible_bound(self.relation, self.num_sentences)

    def judge(self, text: Text) -> Verdict:
        reason = f"{plural(text.sentences, 'sentence')} found, {self.relation} {self.num_sentences} asked"
        return Verdict(compare(text.sentences, self.relation, self.num_sentences), reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """A bound beside the number that it has; the more sentences, the more often a least number."""
        count = Text(text).sentences
        number, relation = bound_beside(count, rng, at_least=min(0.9, count / 6))
        return text, {"num_sentences": number, "relation": relation}


@register
class NumberOfWords(Instruction):
    """Less than, or at least, so many words, each a run of word characters."""

    id = "length_constraints:number_words"
    parameters = {"num_words": integer(120), "relation": relation()}
    layer = Layer.COUNTS
    on_long_texts = True
    wordings = {
        "at least": (
            "Let it run to {num_words:word} at least.",
            "Use {num_words} or more words.",
            "It should be no shorter than {num_words:word}.",
            "I need {num_words:word} as a minimum.",
            "{task} Take {num_words:word} or more for it.",
            "Anything below {num_words:word} is too short.",
            "The text has to reach a length of {num_words:word}.",
            "Length: {num_words:word} at the least.",
        ),
        "less than": (
            "Write less than {num_words:word}.",
            "Fewer than {num_words:word} must be enough.",
            "Let it stay under {num_words:word}.",
            "It must stay below {num_words:word}.",
            "{task} Be brief, with under {num_words:word}.",
            "I stop reading at {num_words:word}, so write fewer.",
            "The text has to be shorter than {num_words:word}.",
            "Length: not as many as {num_words:word}.",
        ),
    }

    def impossible(self) -> str | None:
        return impossible_bound(self.relation, self.num_words)

    def judge(self, text: Text) -> Verdict:
        reason = f"{plural(text.words, 'word')} found, {self.relation} {self.num_words} asked"
        return Verdict(compare(text.words, self.relation, self.num_words), reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """A bound beside the number that it has; the longer the text, the more often a least number."""
        words = Text(text).words
        number, relation = bound_beside(words, rng, 10 if words >= 20 else 1, at_least=min(0.9, words / 80))
        return text, {"num_words": number, "relation": relation}


@register
class NumberOfParagraphs(Instruction):
    """Exactly so many paragraphs, divided by three asterisks."""

    id = "length_constraints:number_paragraphs"
    parameters = {"num_paragraphs": integer(3, minimum=1)}
    layer = Layer.ARRANGEMENT
    claims = (ARRANGES,)
    wordings = (
        "Write {num_paragraphs:paragraph}, divided by ***",
        "Use exactly {num_paragraphs:paragraph} with the markdown divider *** between them.",
        "There should be {num_paragraphs:paragraph}. Part them with ***",
        "Separate the {num_paragraphs:paragraph} of your answer by three asterisks: ***",
        "{task} Make it {num_paragraphs:paragraph}, with *** in between.",
        "I would like {num_paragraphs:paragraph}; the divider is ***",
        "Lay the text out as {num_paragraphs:paragraph} and put *** on a line of its own between any two.",
        "Your answer has {num_paragraphs:paragraph}, and three stars (***) between one and the next.",
    )

    def judge(self, text: Text) -> Verdict:
        pieces = re.split(r"\s?\*\*\*\s?", text.raw)
        if any(not piece.strip() for piece in pieces[1:-1]):
            return Verdict(False, "nothing between two '***' dividers")
        count = sum(1 for piece in pieces if piece.strip())
        reason = f"{plural(count, 'paragraph')} divided by '***' found, {self.num_paragraphs} asked"
        return Verdict(count == self.num_paragraphs, reason)

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Three asterisks between pieces."""
        pieces = divided(text, rng, 5)
        return None if pieces is None else ("\n\n***\n\n".join(pieces), {"num_paragraphs": len(pieces)})


@register
class NthParagraphFirstWord(Instruction):
    """So many paragraphs, divided by blank lines, and one of them starts with a given word."""

    id = "length_constraints:nth_paragraph_first_word"
    parameters = {
        "num_paragraphs": integer(3, minimum=1),
        "nth_paragraph": integer(2, minimum=1),
        "first_word": text("meanwhile"),
    }
    layer = Layer.ARRANGEMENT
    claims = (ARRANGES,)
    conflicts = {
        "combination:repeat_prompt": "the request is a paragraph too many",
        "detectable_format:title": "a title is a paragraph too many",
    }
    wordings = (
        "Write {num_paragraphs:paragraph} with a blank line between them. "
        "Paragraph {nth_paragraph} must start with the word {first_word}.",
        "There should be {num_paragraphs:paragraph}, separated by two line breaks and nothing else. "
        "Begin number {nth_paragraph} with '{first_word}'.",
        "Part {num_paragraphs:paragraph} by empty lines; the first word in number {nth_paragraph} is {first_word}.",
        "{task} Make it {num_paragraphs:paragraph} (blank lines between), "
        "and let paragraph {nth_paragraph} open with '{first_word}'.",
        "I need {num_paragraphs:paragraph}. Leave an empty line after each but the last. "
        "'{first_word}' is how paragraph {nth_paragraph} has to begin.",
        "Split it into {num_paragraphs:paragraph} by blank lines, number {nth_paragraph} starting with {first_word}.",
        "Give {num_paragraphs:paragraph}, with '{first_word}' as the opening word of paragraph {nth_paragraph}. "
        "Only blank lines divide them.",
        "Layout: {num_paragraphs:paragraph}, blank lines between, with {first_word} first in number {nth_paragraph}.",
    )

    def impossible(self) -> str | None:
        if self.nth_paragraph > self.num_paragraphs:
            return f"'nth_paragraph' is {self.nth_paragraph}, but only {self.num_paragraphs} paragraphs are asked"
        if re.search(r"[\s.,?!'\"]", self.first_word):
            return f"no first word can be {self.first_word!r}: it ends at white space and at . , ? ! ' \""
        return None

    def judge(self, text: Text) -> Verdict:
        pieces = text.raw.split("\n\n")
        count = sum(1 for piece in pieces if piece.strip())
        if count != self.num_paragraphs:
            reason = f"{plural(count, 'paragraph')} divided by blank lines found, {self.num_paragraphs} asked"
            return Verdict(False, reason)
        # Blank pieces count for the position, though not for the number.
        piece = pieces[self.nth_paragraph - 1].strip()
        if not piece:
            return Verdict(False, f"paragraph {self.nth_paragraph} is blank: too many blank lines before it")
        word = piece.split(maxsplit=1)[0].lstrip("'").lstrip('"')
        word = re.match(r"[^.,?!'\"]*", word).group().lower()
        wanted = self.first_word.lower()
        return Verdict(word == wanted, f"paragraph {self.nth_paragraph} starts with {word!r}, {wanted!r} asked")

    @staticmethod
    def impose(text: str, rng: random.Random, around: Around):
        """Blank lines between pieces; asks for the word with which one of them starts."""
        pieces = divided(text, rng, 5)
        if pieces is None:
            return None
        nth = rng.randint(1, len(pieces))
        word = re.match(r"[^\s.,?!'\"]*", pieces[nth - 1]).group().lower()
        kwargs = {"num_paragraphs": len(pieces), "nth_paragraph": nth, "first_word": word}
        return ("\n\n".join(pieces), kwargs) if word.isalpha() else None
