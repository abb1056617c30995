"""The tables of docs/cases.md are those of the code."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from schemas.outputs import InterventionUpdate
from streams.interventions import case_states
from streams.interventions.gate import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "cases.md").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def named_first(title: str) -> list[str]:
    """What the first column of the section's table names, in its order."""
    cells = [line.split("|")[1] for line in section(title).splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in cell.split("`")[1::2]]


def test_the_table_of_states_is_that_of_the_code() -> None:
    assert case_states.markdown() in section("States")


def test_the_rules_of_the_gate_are_those_of_the_code_in_their_order() -> None:
    assert named_first("The gate") == list(RULES)


def test_every_status_of_an_update_is_explained_once() -> None:
    statuses = get_args(InterventionUpdate.model_fields["status"].annotation)
    assert sorted(named_first("What an update says")) == sorted(statuses)


@pytest.mark.parametrize("title", ["Deadlines", "Stop-loss", "Limits", "Holdout and `measured`"])
def test_the_page_has_its_sections(title: str) -> None:
    assert section(title)
