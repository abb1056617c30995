"""Drawings of a page: whole, in its colours, and the same bytes for the same input."""

from __future__ import annotations

import pytest

from streams.page import drawing


@pytest.mark.parametrize("x", [0.0, 0.5, 1.0])
def test_no_label_is_cut_off(x: float) -> None:
    axes = drawing.blank()
    axes.set(xlim=(0, 1), xlabel="customers called", ylabel="leavers found", yticks=[0, 1], yticklabels=["none", "all"])
    axes.set_xticks([0, 1], ["at the very beginning", "at the very end"])
    drawing.mark(axes, x, drawing.RED, "certain without a model", 2)
    drawing.svg(axes)
    drawn = axes.figure.get_tightbbox()
    assert min(drawn.min) >= 0
    assert drawn.x1 <= drawing.WIDTH
    assert drawn.y1 <= drawing.HEIGHT


def test_colours_are_the_pages_and_the_bytes_are_those_of_the_input() -> None:
    first, second = (drawing.early([-20, 0, 20], [1, 3], "departure") for _ in range(2))
    assert first == second
    assert "var(--green)" in first
    assert "#fedc" not in first


def test_nothing_to_count_is_an_empty_frame() -> None:
    assert "departure" in drawing.early([-20, 0, 20], [0, 0], "departure")
