"""Output of commands: ids and names come from outside, so nothing in them is markup or steers the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from schemas.printable import printable

CONTROLS = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # those that JSON does not escape


class PlainConsole(Console):
    """A console that prints text as it is, and what cannot be printed as escapes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Returns the text made printable, so that its width is known."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the segments of rich, made printable where a `Text` was not."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)


def show(*content: RenderableType) -> None:
    """Prints on standard output."""
    PlainConsole().print(*content)


def print_json(body: dict[str, Any]) -> None:
    """Prints the output of `--json`."""
    text = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    print(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
