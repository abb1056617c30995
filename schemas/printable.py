"""Text from outside, made safe for terminals and logs."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Returns the text with all but printable characters, blanks and line ends as escapes, such as \x1b.

    Control characters and marks of writing direction in an id could clear a terminal, set its clipboard (OSC 52) or
    make a line read as another one.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else repr(one)[1:-1] for one in text)
