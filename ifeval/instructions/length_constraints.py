"""Numbers of sentences, words and paragraphs."""

import re

from ifeval.instruction import Instruction, Verdict, compare, impossible_bound, plural, register
from ifeval.parameters import integer, relation, text
from ifeval.text import Text


@register
class NumberOfSentences(Instruction):
    """Less than, or at least, so many sentences, as NLTK's English Punkt model splits them."""

    id = "length_constraints:number_sentences"
    parameters = {"num_sentences": integer(5), "relation": relation()}

    def impossible(self) -> str | None:
        return impossible_bound(self.relation, self.num_sentences)

    def judge(self, text: Text) -> Verdict:
        reason = f"{plural(text.sentences, 'sentence')} found, {self.relation} {self.num_sentences} asked"
        return Verdict(compare(text.sentences, self.relation, self.num_sentences), reason)


@register
class NumberOfWords(Instruction):
    """Less than, or at least, so many words, each a run of word characters."""

    id = "length_constraints:number_words"
    parameters = {"num_words": integer(120), "relation": relation()}

    def impossible(self) -> str | None:
        return impossible_bound(self.relation, self.num_words)

    def judge(self, text: Text) -> Verdict:
        reason = f"{plural(text.words, 'word')} found, {self.relation} {self.num_words} asked"
        return Verdict(compare(text.words, self.relation, self.num_words), reason)


@register
class NumberOfParagraphs(Instruction):
    """Exactly so many paragraphs, divided by three asterisks."""

    id = "length_constraints:number_paragraphs"
    parameters = {"num_paragraphs": integer(3, minimum=1)}

    def judge(self, text: Text) -> Verdict:
        pieces = re.split(r"\s?\*\*\*\s?", text.raw)
        if any(not piece.strip() for piece in pieces[1:-1]):
            return Verdict(False, "nothing between two '***' dividers")
        count = sum(1 for piece in pieces if piece.strip())
        reason = f"{plural(count, 'paragraph')} divided by '***' found, {self.num_paragraphs} asked"
        return Verdict(count == self.num_paragraphs, reason)


@register
class NthParagraphFirstWord(Instruction):
    """So many paragraphs, divided by blank lines, and one of them starts with a given word."""

    id = "length_constraints:nth_paragraph_first_word"
    parameters = {
        "num_paragraphs": integer(3, minimum=1),
        "nth_paragraph": integer(2, minimum=1),
        "first_word": text("meanwhile"),
    }

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
