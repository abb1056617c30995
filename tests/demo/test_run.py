"""The whole demo at a small size: it ends with a page."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest

from streams.cli import main
from streams.demo.run import SETTINGS

SMALL = ["--customers", "80", "--days", "210"]
# few customers and days: nothing is learned in a horizon of half a year, and no bound of AUC would pass
EARLY = [*SETTINGS, "label.horizon=28d", "label.lapsed_after=120d", "model.least_auc=0"]
HISTORY = "case.opens_from=2023-06-08"  # three quarters of 210 days
EARLY += ["model.min_labels=200", "model.min_labels_of_a_class=20"]

pytestmark = pytest.mark.skipif(find_spec("noida_db") is None, reason="the demo's broker is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KEEPLINE_BROKERS", raising=False)
        patch.setattr("streams.demo.run.SETTINGS", EARLY)
        patch.setattr("streams.demo.pacing.LIVE_DAY_S", 0.0)
        assert main(["demo", "--out", str(out), *SMALL]) == 0
    return out


@pytest.fixture
def page(folder: Path) -> str:
    return (folder / "index.html").read_text()


def messages(path: Path) -> list[dict[str, Any]]:
    """Returns the messages of a file without their emission times, sorted."""
    bodies = [orjson.loads(line) | {"emitted_at": None} for line in path.read_bytes().splitlines()]
    return sorted(bodies, key=orjson.dumps)


def test_the_page_shows_events_customers_and_curves(page: str) -> None:
    assert "<b>80</b>customers" in page
    assert page.count("<svg") == len(re.findall("<h3>.*?</h3><span", page)) + 2


def test_the_page_says_that_all_of_it_is_simulated(page: str) -> None:
    assert "Everything here is simulated" in page


def test_the_page_needs_nothing_from_elsewhere(page: str) -> None:
    assert not re.findall(r"""(?:src|href)=(?!"#)|@import|url\((?!#)""", page)


def test_the_page_has_the_tables_of_the_cases(page: str) -> None:
    assert "Cases by tier" in page
    assert "Calls by days since the crossing" in page


def test_the_pages_of_the_console_are_files_that_need_nothing_else(folder: Path) -> None:
    pages = {path.name: path.read_text() for path in (folder / "console").iterdir()}
    targets = {target for text in pages.values() for target in re.findall(r'(?:href|src)="([^"]*)"', text)}
    assert {"index.html", "console.css"} <= targets <= {*pages, "#"}
    assert not any(re.search(r'<script|name="token" value="[^"]|enter\?key=', text) for text in pages.values())
    assert not any("data-computing" in text for text in pages.values())
    customers = {body["customer_id"] for body in messages(folder / "interventions.jsonl")}
    assert any(customer in pages["index.html"] for customer in customers)


def test_what_went_through_the_broker_day_by_day_is_what_a_replay_of_its_files_says(
    folder: Path, tmp_path: Path
) -> None:
    paths = [str(path) for path in (folder / "city").glob("*.jsonl") if path.name != "truth.jsonl"]
    assert len(paths) == 5
    settings = [f"--set={setting}" for setting in (*EARLY, HISTORY)]
    assert main(["replay", *paths, "--profile", "after-sales", *settings, "--out", str(tmp_path)]) == 0
    for name in ("interventions.jsonl", "intervention-updates.jsonl", "interventions-withheld.jsonl"):
        assert messages(folder / name) == messages(tmp_path / name)
    assert messages(folder / "interventions.jsonl")
    assert messages(folder / "intervention-updates.jsonl")


def test_a_city_that_stays_lives_on_until_it_is_told_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "streams.cli", "demo", "--stay", "--out", str(tmp_path), *SMALL, "--days", "8"]
    environ = {name: value for name, value in os.environ.items() if name != "KEEPLINE_BROKERS"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        lines = iter(demo.stdout.readline, "")
        last_of_eight = next(line for line in lines if line.startswith("2023-01-1"))
        demo.send_signal(signal.SIGINT)
        said = "".join(lines)
    assert demo.returncode == 0, said
    assert last_of_eight > "2023-01-10"
    assert "Done in" in said
    assert (tmp_path / "index.html").exists()
    assert (tmp_path / "console" / "index.html").exists()


def test_a_worker_that_fails_ends_the_demo_with_where_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEEPLINE_BROKERS", raising=False)
    monkeypatch.setattr("streams.demo.run.WORKER", ("-c", "raise SystemExit(3)"))
    assert main(["demo", "--out", str(tmp_path), *SMALL]) == 1
    assert (tmp_path / "worker.log").exists()


def test_a_console_that_ends_is_named_with_where_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KEEPLINE_BROKERS", raising=False)
    monkeypatch.setattr("streams.demo.console.COMMAND", ("-c", "print('it cannot listen')"))
    assert main(["demo", "--out", str(tmp_path), *SMALL, "--days", "8"]) == 0
    said = "".join(capsys.readouterr().out)
    assert f"The console has ended; see {tmp_path / 'console.log'}" in said.replace("\n", "")
    assert said.endswith(f"The console did not give its pages; see {tmp_path / 'console.log'}\n")
    assert (tmp_path / "console.log").read_text() == "it cannot listen\n"
