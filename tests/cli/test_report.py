"""`keepline report` on folders whose true lift is known, and on folders from which nothing can be said."""

from __future__ import annotations

import csv
import json
import shutil
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from schemas.instants import DAY_US, format_instant, parse_instant
from streams.cli import main
from tests.savings.folders import NAMES, city, write

FILES = ("report.json", "report.html", "weekly.html", "monthly.html", "advisers.csv", "interviews.csv")


def reported(folder: Path, out: Path, *words: str) -> dict[str, Any]:
    assert main(["report", "--dir", str(folder), "--out", str(out), *words]) == 0
    body: dict[str, Any] = json.loads((out / "report.json").read_bytes())
    return body


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return city(tmp_path_factory.mktemp("kept") / "city")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_range_has_the_true_lift_and_leaves_0_out(kept: Path, tmp_path: Path) -> None:
    found = reported(kept, tmp_path)["overall"]
    assert 0.0 < found["low"] < 0.2 < found["high"]


def test_counts_and_money_are_what_a_plain_reading_of_the_lines_gives(kept: Path, tmp_path: Path) -> None:
    found = reported(kept, tmp_path)
    measured = {body["intervention_id"]: body["returned"] for body in lines(kept / NAMES[2]) if "returned" in body}
    sent, held = lines(kept / NAMES[0]), lines(kept / NAMES[1])
    for group, cases, returned in ((sent, "cases", "returned"), (held, "held", "held_returned")):
        ids = [body["intervention_id"] for body in group if body["intervention_id"] in measured]
        assert (found["overall"][cases], found["overall"][returned]) == (len(ids), sum(measured[one] for one in ids))
    lift, values = Decimal(str(found["overall"]["lift"])), [Decimal(str(one["customer_value"])) for one in sent]
    saved = lift * len(sent)
    benefit = lift * sum(values) + saved * Decimal("0.15") * Decimal("1.2") * 800
    assert Decimal(found["measured"]["value"]["benefit"]) == benefit.quantize(Decimal("0.01"))
    assert found["counted"]["saved"] == pytest.approx(float(saved), abs=0.01)


def test_the_same_folder_gives_the_same_bytes(kept: Path, tmp_path: Path) -> None:
    reported(kept, tmp_path / "a")
    reported(kept, tmp_path / "b")
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_until_an_instant_only_what_was_known_then_counts(kept: Path, tmp_path: Path) -> None:
    early = reported(kept, tmp_path, "--until", "2024-05-01T00:00:00Z")
    assert 0 < early["closed_cases"] < 400
    assert early["at"] == "2024-05-01T00:00:00Z"


def test_the_weekly_page_is_the_report_as_it_was_when_the_last_whole_week_ended(kept: Path, tmp_path: Path) -> None:
    week, wednesday, monday = tmp_path / "mail" / "week.html", "2024-05-01T09:00:00Z", "2024-04-29T00:00:00Z"
    assert main(["report", "--dir", str(kept), "--weekly", str(week), "--until", wednesday]) == 0
    reported(kept, tmp_path / "monday", "--until", monday)
    assert week.read_bytes() == (tmp_path / "monday" / "weekly.html").read_bytes()
    assert [one.name for one in week.parent.iterdir()] == ["week.html"]


def test_both_kinds_of_pages_are_written_at_once(kept: Path, tmp_path: Path) -> None:
    week = tmp_path / "week.html"
    reported(kept, tmp_path / "out", "--weekly", str(week), "--lang", "zh")
    assert "周报" in week.read_text()
    assert week.read_bytes() != (tmp_path / "out" / "weekly.html").read_bytes()  # the week is not over there


def test_without_a_place_to_write_to_nothing_is_read(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--dir", str(kept)]) == 2
    assert "--out DIR, --weekly FILE" in capsys.readouterr().err


def test_without_contacts_nobody_is_saved_though_many_count_as_saved(tmp_path: Path) -> None:
    found = reported(city(tmp_path / "city", lift=0.0, contacts=False), tmp_path / "out")
    assert found["overall"]["low"] < 0.0 < found["overall"]["high"]
    assert found["counted"]["counted"] > 300
    text = (tmp_path / "out" / "report.html").read_text()
    assert "truly saved: not shown" in text
    assert "Not shown yet whether the cases keep customers" in text
    assert "Price of the holdout: not shown" in text


def test_what_is_shown_is_parted_into_who_came_back_anyway_and_the_truly_saved(kept: Path, tmp_path: Path) -> None:
    counted = reported(kept, tmp_path)["counted"]
    parts = f"{counted['anyway']:,.0f} came back anyway + {counted['saved']:,.0f} truly saved"
    said = f"{counted['counted']:,} counted saved = {parts}"
    assert said in (tmp_path / "report.html").read_text()


def test_harm_is_said_and_nobody_counts_as_truly_saved(tmp_path: Path) -> None:
    found = reported(city(tmp_path / "city", lift=-0.3, held=0.3), tmp_path / "out")
    assert found["counted"]["high"] < 0
    text = (tmp_path / "out" / "report.html").read_text()
    assert "The cases drove customers away" in text
    assert "none of them by the cases" in text


def test_a_lower_end_below_0_is_not_shown_to_pay_back(tmp_path: Path) -> None:
    reported(city(tmp_path / "city", lift=0.0), tmp_path / "out")
    assert "not shown to pay back" in (tmp_path / "out" / "report.html").read_text()


def test_the_credits_of_advisers_add_up_to_the_measured_total(kept: Path, tmp_path: Path) -> None:
    reported(kept, tmp_path)
    with (tmp_path / "advisers.csv").open(encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["agent_id"] for row in rows] == ["agent-0", "agent-1", "agent-2"]
    assert {row["ranked"] for row in rows} == {"no"}


def test_interviews_are_of_the_lost_of_two_to_six_weeks_ago(kept: Path, tmp_path: Path) -> None:
    reported(kept, tmp_path)
    with (tmp_path / "interviews.csv").open(encoding="utf-8-sig") as stream:
        rows = list(csv.DictReader(stream))
    assert 0 < len(rows) <= 100
    assert {row["why"] for row in rows} == {"quota", "random"}
    assert {row["arm"] for row in rows} == {"sent", "held out"}


class Boxes(HTMLParser):
    """Counts boxes, and checks that elements are closed and nothing is fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.boxes, self.outside = 0, 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.boxes += (dict(attrs).get("class") or "").startswith("card")
        self.outside += any(name in ("src", "href") for name, _ in attrs)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_has_nine_boxes_in_either_language_and_fetches_nothing(kept: Path, tmp_path: Path, lang: str) -> None:
    reported(kept, tmp_path, "--lang", lang)
    text = (tmp_path / "report.html").read_text()
    boxes = Boxes(text)
    assert (boxes.boxes, boxes.outside) == (9, 0)
    assert ("结论" in text) is (lang == "zh")


def refused(capsys: pytest.CaptureFixture[str], folder: Path, out: Path, *words: str) -> str:
    assert main(["report", "--dir", str(folder), "--out", str(out), *words]) in (1, 2)
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def test_an_empty_folder_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "interventions.jsonl" in refused(capsys, tmp_path, tmp_path / "out")


def test_a_log_without_cases_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no message about a case" in refused(capsys, city(tmp_path / "city", cases=0), tmp_path / "out")


def test_another_currency_is_not_converted(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "CNY, the profile in EUR" in refused(capsys, kept, tmp_path, "--set", "currency=EUR")


def test_a_strategy_that_the_profile_does_not_have_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = city(tmp_path / "city", cases=300)
    sent = (folder / NAMES[0]).read_text().replace('"strategy":null', '"strategy":"magic"')
    (folder / NAMES[0]).write_text(sent)
    found = reported(folder, tmp_path / "out")
    assert {"key": "strange", "parts": {"names": "magic"}} in found["remarks"]
    assert "strategies that the profile does not have: magic; shown as they are" in capsys.readouterr().err
    assert [one["compared"]["name"] for one in found["strategies"]] == ["magic"]


def test_absurd_costs_are_counted_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = city(tmp_path / "city", cases=300)
    updates = (folder / NAMES[2]).read_text().replace('"cost":100.0', '"cost":1e9', 1)
    (folder / NAMES[2]).write_text(updates)
    (remark,) = (one for one in reported(folder, tmp_path / "out")["remarks"] if one["key"] == "costly")
    assert (remark["parts"]["n"], remark["parts"]["times"]) == ("1", "100")
    assert "1 cases cost more than 100 times their budget" in capsys.readouterr().err


FIXED = (
    "one_off.data",
    "one_off.model",
    "one_off.integration",
    "one_off.training",
    "yearly.model-upkeep",
    "yearly.cloud",
)


def test_a_benefit_that_is_shown_but_below_the_costs_is_not_shown_to_pay_back(kept: Path, tmp_path: Path) -> None:
    assert reported(kept, tmp_path)["overall"]["low"] > 0
    assert "not shown to pay back" in (tmp_path / "report.html").read_text()
    free = [word for key in FIXED for word in ("--set", f"economics.{key}.amount=0")]
    assert float(reported(kept, tmp_path, *free)["measured"]["low"]["roi"]) > 0
    assert "not shown to pay back" not in (tmp_path / "report.html").read_text()


def test_a_save_has_a_price_only_where_the_lift_is_shown(kept: Path, tmp_path: Path) -> None:
    shown = reported(city(tmp_path / "city", lift=0.0), tmp_path / "a"), reported(kept, tmp_path / "b")
    for one in (one for found in shown for one in found["strategies"]):
        assert (one["cost_a_save"] is not None) is (one["compared"]["low"] > 0)
    assert shown[1]["strategies"][0]["cost_a_save"] is not None


@pytest.mark.parametrize("summary", ["[]", "{", "null"])
def test_a_summary_that_is_none_is_refused_in_one_line(
    summary: str, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(kept, tmp_path / "city")
    (tmp_path / "city" / "summary.json").write_text(summary)
    assert main(["report", "--dir", str(tmp_path / "city"), "--out", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "summary.json" in line
    assert "run the replay again" in line


def test_the_first_case_of_a_customer_counts_since_only_the_saved_get_another_one(kept: Path, tmp_path: Path) -> None:
    """Who comes back after a contact is active again, and gets cases that the holdout never has: all these return."""
    sent, updates = lines(kept / "interventions.jsonl"), lines(kept / "intervention-updates.jsonl")
    returned = {body["intervention_id"] for body in updates if body.get("returned")}
    for body in sent[:]:
        if body["intervention_id"] in returned:
            again = format_instant(parse_instant(body["crossed_at"]) + 200 * DAY_US)
            other = {"intervention_id": body["intervention_id"] + "-again", "crossed_at": again, "decided_at": again}
            sent.append(body | other)
            end = next(
                one for one in updates if one["intervention_id"] == body["intervention_id"] and "returned" in one
            )
            at = format_instant(parse_instant(end["updated_at"]) + 200 * DAY_US)
            updates.append(end | {"intervention_id": other["intervention_id"], "updated_at": at})
    folder = shutil.copytree(kept, tmp_path / "more")
    write(folder / "interventions.jsonl", sent)
    write(folder / "intervention-updates.jsonl", updates)
    once, more = reported(kept, tmp_path / "once"), reported(folder, tmp_path / "again")
    assert more["closed_cases"] > once["closed_cases"]
    assert (more["overall"], more["counted"]) == (once["overall"], once["counted"])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_was_measured_under_a_market_signal_stands_beside_the_others(
    kept: Path, tmp_path: Path, lang: str
) -> None:
    name, folder = "tariff <img src=x>", shutil.copytree(kept, tmp_path / "pressed")
    for file in ("interventions.jsonl", "interventions-withheld.jsonl"):
        bodies = [
            body | {"signals": [{"name": name, "scope": None, "level": 2.0}] if "2024-03" in body["crossed_at"] else []}
            for body in lines(kept / file)
        ]
        write(folder / file, bodies)
    report = reported(folder, tmp_path / "out", "--lang", lang)
    [found] = report["signals"]
    march = [body for body in lines(kept / "interventions.jsonl") if "2024-03" in body["crossed_at"]]
    assert (found["name"], found["weeks"], found["under"]["compared"]["cases"]) == (name, 5, len(march))
    assert found["others"]["compared"]["cases"] == report["overall"]["cases"] - len(march)
    assert found["under"]["compared"]["low"] < found["under"]["compared"]["lift"] < found["under"]["compared"]["high"]
    assert reported(kept, tmp_path / "none")["signals"] == []
    for page in ("report.html", "weekly.html", "monthly.html"):
        text = (tmp_path / "out" / page).read_text()
        assert "tariff &lt;img src=x&gt;" in text
        assert "<img" not in text
        assert ("5 weeks under th" if lang == "en" else "5 周") in text
        assert "tariff" not in (tmp_path / "none" / page).read_text()
