"""Signs that must not be used."""

from ifeval.instruction import Instruction, Verdict, plural, register
from ifeval.text import Text


@register
class NoComma(Instruction):
    """No comma anywhere, in numbers neither."""

    id = "punctuation:no_comma"

    def judge(self, text: Text) -> Verdict:
        count = text.raw.count(",")
        return Verdict(count == 0, f"{plural(count, 'comma')} found, none asked" if count else "no comma found")
