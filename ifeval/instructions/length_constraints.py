"""Numbers of sentences, words and paragraphs."""

import random
import re

from ifeval.instructions.base import ARRANGES, Around, Instruction, Layer, Verdict, register
from ifeval.instructions.bounds import bound_beside, compare, impossible_bound, plural
from ifeval.instructions.wordings import nth_paragraph_first_word, number_paragraphs, number_sentences, number_words
from ifeval.parameters import integer, relation, shown, text
from ifeval.prose import divided
from ifeval.text import Text


@register
class NumberOfSentences(Instruction):
    """Less than, or at least, so many sentences, as NLTK's English Punkt model splits them."""

    id = "length_constraints:number_sentences"
    parameters = {"num_sentences": integer(5), "relation": relation()}
    layer = Layer.COUNTS
    on_long_texts = True
    wordings = number_sentences.WORDINGS

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
    wordings = number_words.WORDINGS

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
    parameters = {"num_paragraphs": integer(3)}
    layer = Layer.ARRANGEMENT
    claims = (ARRANGES,)
    wordings = number_paragraphs.WORDINGS

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
    wordings = nth_paragraph_first_word.WORDINGS

    def impossible(self) -> str | None:
        if self.nth_paragraph > self.num_paragraphs:
            asked = shown(self.num_paragraphs)
            return f"'nth_paragraph' is {shown(self.nth_paragraph)}, but 'num_paragraphs' is only {asked}"
        if re.search(r"[\s.,?!'\"]", self.first_word):
            return f"no first word can be {shown(self.first_word)}: it ends at white space and at . , ? ! ' \""
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
        # Letter by letter, unlike the word asked: a capital sigma at the end becomes another letter in a whole word.
        word = "".join(letter.lower() for letter in re.match(r"[^.,?!'\"]*", word).group())
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
