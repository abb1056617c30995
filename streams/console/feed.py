"""What a page shows and takes long to make: it is made while somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

ASKED_S = 60.0  # who asked for the page without a stream is waited for so long
Made = TypeVar("Made")


class Feed(Generic[Made]):
    """page: its name; last: what was made last."""

    def __init__(self, page: str) -> None:
        self._page, self._asked_at = page, -ASKED_S
        self.last: Made | None = None

    def ask(self) -> Made | None:
        """Returns what was made last, and lets it be made anew where that is due."""
        self._asked_at = monotonic()
        return self.last

    def is_asked_for(self, is_shown: Callable[[str], bool]) -> bool:
        """Whether somebody looks. is_shown: whether a browser shows a page."""
        return is_shown(self._page) or monotonic() - self._asked_at < ASKED_S
