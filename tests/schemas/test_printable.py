from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.printable import printable


@pytest.mark.parametrize("text", ["", "C-17", "张伟 17", "naïve é", "two\nlines", "[/] [bold]"])
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@given(st.text())
def test_whatever_comes_nothing_but_printable_characters_and_line_ends_is_left(text: str) -> None:
    assert all(line.isprintable() for line in printable(text).split("\n"))


def test_escapes_tell_what_was_there() -> None:
    assert printable("a\x1b[2Jb\x9bc\u202ed") == r"a\x1b[2Jb\x9bc\u202ed"
