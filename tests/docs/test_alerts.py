"""docs/alerts.md has every kind of alert that the code can raise, and no other."""

from __future__ import annotations

import re

import pytest

from schemas.alerts import AlertKind
from tests.docs.pages import ROOT, files

ROWS = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", (ROOT / "docs/alerts.md").read_text("utf-8"), re.M)
CODE = [path for path in files() if path.startswith(("online_model/", "streams/")) and path.endswith(".py")]


def test_the_table_has_every_kind_once_in_order() -> None:
    assert [row[0] for row in ROWS] == sorted(kind.value for kind in AlertKind)


@pytest.mark.parametrize("kind", AlertKind)
def test_every_kind_of_the_table_is_raised(kind: AlertKind) -> None:
    assert any(f"AlertKind.{kind.name}," in (ROOT / path).read_text("utf-8") for path in CODE)
