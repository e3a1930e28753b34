"""A response with the properties that several instructions need, each computed once."""

from functools import cached_property

from ifeval import language_detection, tokenization


class Text:
    """One text to be checked.

    Args:
        raw: the text, unchanged. Lone surrogates are allowed.
    """

    def __init__(self, raw: str):
        self.raw = raw

    @cached_property
    def blank(self) -> bool:
        """Nothing but white space."""
        return not self.raw.strip()

    @cached_property
    def stripped(self) -> str:
        return self.raw.strip()

    @cached_property
    def lower(self) -> str:
        return self.raw.lower()

    @cached_property
    def words(self) -> int:
        """Number of words, as ``\\w+`` finds them."""
        return tokenization.count_words(self.raw)

    @cached_property
    def sentences(self) -> int:
        """Number of sentences, as NLTK's English Punkt model splits them."""
        return tokenization.count_sentences(self.raw)

    @cached_property
    def capital_words(self) -> list[str]:
        """NLTK's word tokens that have cased characters, all of them capitals."""
        return tokenization.capital_words(self.raw)

    @cached_property
    def language(self) -> "str | None":
        """langdetect's code, ``unknown``, or None where the text holds nothing to detect."""
        return language_detection.detect(self.raw)


def loose_variants(text: Text) -> list[tuple[str, Text]]:
    """The texts that the loose criterion tries after the text itself, with what was left out of each.

    Zhou et al. 2023, section 2.2: markdown stars removed, first line, last line or both removed,
    and these combined. In the official order; blank and repeated ones are skipped, since they
    cannot change a verdict.
    """
    lines = text.raw.split("\n")
    cut = {
        "the first line": "\n".join(lines[1:]).strip(),
        "the last line": "\n".join(lines[:-1]).strip(),
        "the first and last lines": "\n".join(lines[1:-1]).strip(),
    }
    candidates = [("asterisks", text.raw.replace("*", "")), *cut.items()]
    candidates += [(f"{name} and asterisks", line.replace("*", "")) for name, line in cut.items()]
    seen = {text.raw}
    variants = []
    for name, raw in candidates:
        if raw not in seen and raw.strip():
            seen.add(raw)
            variants.append((name, Text(raw)))
    return variants
