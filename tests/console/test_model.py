"""The page Model: versions, their quality, reliability and drift."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from online_model.readiness import Hold
from online_model.snapshot import Snapshot
from schemas.errors import Failure
from schemas.instants import WEEK_US, parse_instant
from streams.cli import main
from streams.console import model_feed
from streams.console.access import Viewer
from streams.console.background import Background, of_folder
from streams.console.charts import Course, courses
from streams.console.live_feed import LiveFeed
from streams.console.model_feed import ModelFeed, Seen, Source, Week, predictions, weeks
from streams.console.results_feed import Found, ResultsFeed
from streams.evaluation.metrics import Bin
from streams.evaluation.observation_rows import read
from streams.evaluation.over_time import metrics_over_time
from streams.files.replay_folder import EXAMPLES
from streams.operations.models import reader
from tests.console.consoles import ADVISER, MANAGER, NOW_US, ON_CALL, serving
from tests.console.copies import PROFILE, store_in
from tests.console.test_live import Group, alert, status
from tests.replay.runs import SHORT, city, write_jsonl

SCRIPT = "<script>alert(1)</script>\u202e\"'"
REFERENCE = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A replay of some weeks."""
    base = tmp_path_factory.mktemp("replay")
    log = write_jsonl(base / "events.jsonl", city(base / "city", 80, 150))
    words = [word for one in SHORT for word in ("--set", one)]
    assert main(["replay", str(log), "--out", str(base / "out"), *words]) == 0
    return base / "out"


@pytest.fixture(scope="module")
def versions(folder: Path) -> list[Snapshot]:
    return list(reader.from_folder(folder).values())


def of(seen: Seen | None, live: LiveFeed | None = None, warned: list[Bin] | None = None) -> Background:
    """What the console knows where this was read."""
    feed = ModelFeed(Source(dict, lambda: None), REFERENCE, lambda: NOW_US)
    feed.last = seen
    results = ResultsFeed(PROFILE, lambda: ({}, {}), lambda: NOW_US)
    results.last = Found(NOW_US, 1.0, None, [], "", warned or [])
    return Background(live, dict, results, feed)


def version(**others: Any) -> dict[str, Any]:
    first = {
        "version": 7, "instant": "2024-02-26T00:00:00Z", "model": "model", "reason": "learned", "parent": 6,
        "evidence": None, "profile": "p-1", "observed": ["2023-01-02T00:00:00Z", "2024-01-01T00:00:00Z"], "ready": True,
        "hold": Hold.NOTHING, "learned": True, "labels": 4321, "auc": 0.812, "log_loss": 0.345, "least_auc": 0.801,
        "challengers": {}, "strategy_weights": {}, "strategies_restarted": {},
    }  # fmt: skip
    return first | others


def seen(*bodies: dict[str, Any], found: Sequence[Week] = (), bins: Sequence[Bin] | None = None) -> Seen:
    return Seen(NOW_US, bodies, found, bins)


async def shown(folder: Path, background: Background, viewer: Viewer = MANAGER, lang: str = "en") -> str:
    async with serving(store_in(folder), background=background) as served:
        answer = await served.browser(viewer).get("/model", headers={"Accept-Language": lang})
        assert answer.status == 200
        return await answer.text()


def test_the_loss_of_a_week_is_that_of_the_labels_that_came_in_it(folder: Path, versions: list[Snapshot]) -> None:
    alone, _ = predictions(folder / EXAMPLES)
    found = weeks(versions, alone, REFERENCE)
    checked = 0
    for i, (one, week) in enumerate(zip(versions, found, strict=True)):
        new = one.labels - (versions[i - 1].labels if i else 0)
        if one.lineage.observed is None or not new or one.lineage.observed[1] not in alone:
            continue
        assert week.loss == pytest.approx(alone[one.lineage.observed[1]][1], abs=1e-9)
        checked += 1
    assert checked > 5


def test_quality_and_reliability_are_those_of_keepline_evaluate(folder: Path) -> None:
    rows, _ = read(folder)
    judged = rows.only(rows.labelled)
    alone, bins = predictions(folder / EXAMPLES)
    wanted = {parse_instant(week.observed_at): week.alone for week in metrics_over_time(judged).weeks}
    assert alone.keys() == wanted.keys()
    for us, (auc, loss) in alone.items():
        assert loss == pytest.approx(wanted[us]["log_loss"].value, abs=1e-9)
        assert auc == pytest.approx(wanted[us]["auc"].value, abs=0.02, nan_ok=True)  # evaluate counts scores in bins
    assert bins is not None
    assert sum(one.count for one in bins) == len(judged.label)
    assert sum(one.count * one.happened for one in bins) == pytest.approx(judged.label.sum())


def test_drift_is_measured_against_the_weeks_before_and_not_before_they_are_there(versions: list[Snapshot]) -> None:
    found = weeks(versions, {}, REFERENCE)
    assert [week.moved for week in found[:REFERENCE]] == [None] * REFERENCE
    last = found[-1].moved
    assert last is not None
    turned = replace(versions[-1], population=versions[-1].population[:, ::-1])
    moved = weeks([*versions[:-1], turned], {}, REFERENCE)[-1].moved
    assert moved is not None
    assert min(np.array(moved) - np.array(last)) > 0.25


async def test_the_page_has_the_versions_of_keepline_models_list(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_feed, "LOOK_S", 0.01)
    capsys.readouterr()
    assert main(["models", "list", "--dir", str(folder), "--json"]) == 0
    listed = orjson.loads(capsys.readouterr().out)["models"]
    background = of_folder(folder, PROFILE, lambda: NOW_US, None)
    assert background.model is not None
    background.model.ask()
    told = asyncio.Queue[str]()
    task = asyncio.create_task(background.model.run(told.put_nowait, lambda page: False))
    assert await asyncio.wait_for(told.get(), 60) == "model_page"
    task.cancel()
    text = await shown(tmp_path, background)
    rows = text[text.index("<h2>Versions</h2>") :].split("<tr>")[2:]
    for row, one in zip(rows, reversed(listed), strict=False):
        cells = [cell.split("</td>")[0] for cell in row.split("<td>")[1:]]
        auc = "-" if one["auc"] is None else f"{one['auc']:.3f}"
        assert (cells[0], cells[4], cells[6], cells[7]) == (
            str(one["version"]), "" if one["parent"] is None else str(one["parent"]), f"{one['labels']:,}", auc,
        )  # fmt: skip
    assert len(rows) == len(listed) <= 24
    assert text.count('<svg class="chart"') == 4
    assert "style=" not in text


async def test_on_call_and_managers_see_it_and_advisers_do_not(tmp_path: Path) -> None:
    async with serving(store_in(tmp_path), background=of(seen(version()))) as served:
        assert (await served.browser(ON_CALL).get("/model")).status == 200
        assert (await served.browser(ADVISER).get("/model")).status == 404


@pytest.mark.parametrize(
    ("body", "said", "said_zh"),
    [
        ({}, "It opens cases.", "可以开案。"),
        ({"ready": False, "hold": Hold.LABELS}, "too few labels of both classes", "两类标签都太少"),
        (
            {"reason": "rollback", "parent": 3, "evidence": {"why": "wrong prices"}},
            "Rolled back to version 3: wrong prices.",
            "已回退至版本 3：wrong prices。",
        ),
        ({"challengers": {}}, "None: the profile has none", "无：配置中没有"),
    ],
)
async def test_what_holds_and_what_was_chosen_is_said(
    tmp_path: Path, body: dict[str, Any], said: str, said_zh: str
) -> None:
    background = of(seen(version(**body)))
    assert said in await shown(tmp_path / "en", background)
    assert said_zh in await shown(tmp_path / "zh", background, MANAGER, "zh")


async def test_challengers_have_their_verdicts_and_who_is_only_judged_is_said_to_be(tmp_path: Path) -> None:
    verdict = {"rounds": 12, "gain": 0.0123, "low": -0.004, "high": 0.03, "evidence": 3.5, "needed": 40.0}
    untried = {"rounds": 0, "gain": None, "low": 0.0, "high": 0.0, "evidence": 1.0, "needed": None}
    text = await shown(tmp_path, of(seen(version(challengers={"fast": verdict, "forest": untried}))))
    assert "+0.0123 (-0.0040 … 0.0300)" in text
    assert "40.000" in text
    assert "judged only" in text


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_no_name_is_markup(tmp_path: Path, lang: str) -> None:
    verdict = {"rounds": 1, "gain": None, "low": 0.0, "high": 0.0, "evidence": 1.0, "needed": None}
    body = version(
        model=SCRIPT, profile=SCRIPT, reason=SCRIPT, evidence={"why": SCRIPT}, challengers={SCRIPT: verdict},
        strategy_weights={SCRIPT: {SCRIPT: 1.0}},
    )  # fmt: skip
    live = (await Group(status(alerts=[alert("field_missing", SCRIPT, missing=0.5)])).looked()).live
    text = await shown(tmp_path, of(seen(body), live), MANAGER, lang)
    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;") >= 6
    assert "\u202e" not in text
    assert unescape(text).count("\\u202e") >= 6


async def test_drift_alerts_of_the_group_stand_beside_the_chart(tmp_path: Path) -> None:
    live = (await Group(status(alerts=[alert("scores_moved", "scores"), alert("history", "shop")])).looked()).live
    text = await shown(tmp_path / "a", of(seen(version()), live))
    assert "Scores have moved" in text
    assert "sends history" not in text
    quiet = (await Group(status()).looked()).live
    assert "No alert on drift." in await shown(tmp_path / "b", of(seen(version()), quiet))


async def test_where_predictions_are_not_kept_the_holdout_tells_how_reliable_they_are(tmp_path: Path) -> None:
    assert "Not known yet: no case of the holdout has closed." in await shown(tmp_path / "a", of(seen(version())))
    text = await shown(tmp_path / "b", of(seen(version()), None, [Bin(50, 0.7, 0.6), Bin(50, 0.9, 0.88)]))
    assert "whom nobody contacted" in text
    assert "in 2 groups; most apart by 10%" in text


async def test_without_a_version_or_before_it_is_read_the_page_says_so(tmp_path: Path) -> None:
    assert "are being read" in await shown(tmp_path / "a", of(None))
    assert "No version has been served yet." in await shown(tmp_path / "b", of(seen()))
    assert "no broker answers" in await shown(tmp_path / "c", of(Seen(NOW_US, [], [], None, "no broker answers")))


async def test_versions_are_read_for_whoever_asks_and_again_when_there_is_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(model_feed, "LOOK_S", 0.01)
    monkeypatch.setattr(model_feed, "PAUSE_S", 0.0)
    newest, failing, told = [1], [False], asyncio.Queue[str]()

    def fails() -> reader.Versions:
        if failing.pop():
            failing.append(False)  # it fails once
            raise Failure("gone")
        failing.append(False)
        return {}

    feed = ModelFeed(Source(fails, lambda: newest[0]), REFERENCE, lambda: NOW_US)
    task = asyncio.create_task(feed.run(told.put_nowait, lambda page: False))

    async def again(most_s: float) -> bool:
        with suppress(TimeoutError):
            return bool(await asyncio.wait_for(told.get(), most_s))
        return False

    assert not await again(0.2)
    feed.ask()
    assert await again(30)
    assert not await again(0.2)
    newest[0], failing[0] = 3, True
    assert await again(30)
    assert await again(30)
    assert feed.last is not None
    assert feed.last.error == ""
    task.cancel()


def test_a_course_with_gaps_is_several_lines_and_one_alone_a_dot() -> None:
    drawn = courses(["a", "b", "c", "d", "e"], [Course("x", [1.0, 2.0, None, 3.0, None])], str, "said", 0.5)
    assert drawn.count('<polyline class="x"') == 2
    assert drawn.count('<circle class="x"') == 1
    assert 'class="bar"' in drawn


async def test_a_version_without_figures_is_drawn_without_them(tmp_path: Path) -> None:
    found = [Week(NOW_US + i * WEEK_US, None, None, None, None, None, None) for i in range(3)]
    body = version(auc=None, log_loss=None, least_auc=None, observed=None, parent=None)
    text = await shown(tmp_path, of(seen(body, found=found)))
    assert "two versions with labels are needed" in text
