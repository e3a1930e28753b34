"""Data sets as prepare reads them."""

from tuning.data import conversations


def said(path, columns=None):
    """The turns of each row; None for a row that is dropped."""
    return [found and [*found.prompt, *found.completion] for _, found in conversations.read(str(path), columns)]
