"""Text from models and data sets, made safe to show."""

import re

# Control characters of ASCII and Latin-1, but for tabs and the ends of lines.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    r"""The text with control characters as escapes such as ``\x1b``.

    A terminal would obey them: colours, a cleared screen, another title, lines written over those before.
    """
    return _CONTROLS.sub(lambda found: f"\\x{ord(found.group()):02x}", text.replace("\r\n", "\n"))
