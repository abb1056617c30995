"""The whole demo at a small size: it ends by itself, with a page."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from streams.cli import main

SMALL = ["--customers", "120", "--days", "330"]

pytestmark = pytest.mark.skipif(find_spec("noida_db") is None, reason="the demo's broker is not installed")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KEEPLINE_BROKERS", raising=False)
        assert main(["demo", "--out", str(folder), *SMALL]) == 0
    return (folder / "index.html").read_text()


def test_the_page_shows_events_customers_and_curves(page: str) -> None:
    assert "<b>120</b>customers" in page
    assert 'class="curve"' in page


def test_the_page_says_that_all_of_it_is_simulated(page: str) -> None:
    assert "Everything here is simulated" in page


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    assert not re.findall(r"(?:src|href)=|@import|url\(", page)


def test_a_worker_that_fails_ends_the_demo_with_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEEPLINE_BROKERS", raising=False)
    monkeypatch.setattr("streams.demo.tour.WORKER", ("-c", "raise SystemExit(3)"))
    assert main(["demo", "--out", str(tmp_path), *SMALL]) == 1
    assert (tmp_path / "worker.log").exists()
