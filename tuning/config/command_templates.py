"""Commands in params.yaml in which names in braces are filled in, such as ``vllm serve {model} --port {port}``."""

import shlex
import string
from collections.abc import Callable


def names_in(template: str) -> list[str]:
    """The names in a template's braces.

    Raises:
        ValueError: a brace or a quote is not closed.
    """
    words = shlex.split(template)
    return [name for word in words for _, name, _, _ in string.Formatter().parse(word) if name is not None]


def checker(*known: str) -> Callable[[str | None], str | None]:
    """A check for pydantic: that a template fills in only these names, ``port`` among them."""
    listed = " and ".join([", ".join(f"{{{name}}}" for name in known[:-1]), f"{{{known[-1]}}}"])

    def check(template: str | None) -> str | None:
        if template is None:
            return None
        try:
            found = names_in(template)
        except ValueError as error:
            said = str(error).lower()
            raise ValueError(f"must be a command in which quotes and braces are closed ({said})") from None
        for name in found:
            if name not in known:
                braces = "braces that stay are written {{ and }}"
                raise ValueError(f"must fill in {listed} only, but has {{{name}}} ({braces})")
        if "port" not in found:
            raise ValueError("must have {port}, the place of the port at which the stage will ask")
        return template

    return check
