"""Pages that need nothing else: one HTML file with its style and its drawings inside, on a screen, a phone or paper.

drawing    Matplotlib as SVG in the page's colours
page.css   the look; a page is a template of its owner that has a place for it
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import resources
from string import Template


def fill(template: str, **parts: str) -> str:
    """A page's template with its parts and the style; parts are HTML, escaped by their authors."""
    style = (resources.files("streams.page") / "page.css").read_text("utf-8")
    return Template(template).substitute(parts, style=style)


def numbers(facts: Sequence[tuple[str, str]]) -> str:
    """Figures in boxes. facts: figure and what it is, as text."""
    return "".join(f"<div><b>{escape(figure)}</b>{escape(what)}</div>" for figure, what in facts)
