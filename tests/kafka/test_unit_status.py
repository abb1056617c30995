"""What on-call sees of a unit, without a broker: what is logged, which rows are written, how large the metadata are."""

from __future__ import annotations

import logging

import orjson
import pytest

from schemas.alerts import MOST_OF_A_KIND, Alert, AlertKind
from streams.kafka import unit_status
from streams.kafka.lease import Lease
from streams.units.unit import STATUS
from tests.kafka.counting import SOURCES, CountingUnit
from tests.kafka.test_lease import apply, lease, producer_of

__all__ = ["lease"]  # a fixture
METADATA_BYTES = 400


def held(waiting: int, rule: str = "auc") -> Alert:
    return Alert(AlertKind.MODEL_HELD, rule, f"model too bad; {waiting} crossings wait", {"waiting": waiting})


@pytest.fixture
def open_alerts(monkeypatch: pytest.MonkeyPatch) -> list[Alert]:
    found: list[Alert] = []
    monkeypatch.setattr(CountingUnit, "alerts", property(lambda unit: found))
    return found


@pytest.fixture
def old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_status, "STATUS_EVERY_S", 0.0)


@pytest.fixture
def too_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_status, "STATUS_EVERY_S", 1e9)


def rows(lease: Lease) -> list[dict[str, object]]:
    pairs = [pair for transaction in producer_of(lease).committed for _, _, pair in transaction]
    return [orjson.loads(value or b"") for key, value in pairs if key == STATUS]


def metadata(lease: Lease) -> set[str]:
    return {offset.metadata for offset in producer_of(lease).offsets.values()}


@pytest.mark.usefixtures("old_enough")
async def test_an_alert_is_logged_once_while_its_figures_change_and_once_when_it_is_resolved(
    lease: Lease, open_alerts: list[Alert], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "keepline.worker"):
        for week in range(1, 50):
            open_alerts[:] = [held(week)]
            apply(lease, week)
            await lease.checkpoint()
        open_alerts.clear()
        apply(lease, 50)
        await lease.checkpoint()
    assert [record.getMessage() for record in caplog.records] == [
        "engine-0: model too bad; 1 crossings wait",
        "engine-0: resolved: model too bad; 49 crossings wait",
    ]
    (first, *_), *_, (last, *_), _none = [row["alerts"] for row in rows(lease)]  # type: ignore[misc,union-attr]
    assert (first["figures"], last["figures"]) == ({"waiting": 1}, {"waiting": 49})
    assert first["since"] == last["since"]


@pytest.mark.usefixtures("too_new")
async def test_a_busy_unit_does_not_write_the_row_at_each_checkpoint(lease: Lease) -> None:
    lease.feed = lease.unit.open_feed()
    for position in range(1, 20):
        apply(lease, position, b"k")
        await lease.checkpoint()
    assert len(producer_of(lease).committed) == 19
    assert len(rows(lease)) == 1


@pytest.mark.usefixtures("too_new")
async def test_a_new_alert_is_written_at_once_though_nothing_was_applied(
    lease: Lease, open_alerts: list[Alert]
) -> None:
    lease.feed = lease.unit.open_feed()
    await lease.checkpoint()
    open_alerts.append(held(2))
    await lease.checkpoint()
    await lease.checkpoint()
    assert [len(row["alerts"]) for row in rows(lease)] == [0, 1]  # type: ignore[arg-type]


@pytest.mark.usefixtures("too_new")
async def test_a_unit_that_is_given_up_writes_its_last_counts(lease: Lease) -> None:
    lease.feed = lease.unit.open_feed()
    await lease.checkpoint()
    apply(lease, 3, b"k")
    await lease.checkpoint()
    lease.feed = None
    await lease.checkpoint()
    assert [row["counts"] for row in rows(lease)] == [{"applied": 0}, {"applied": 1}]


async def test_the_metadata_stay_small_and_say_where_the_row_lies(lease: Lease, open_alerts: list[Alert]) -> None:
    open_alerts += [Alert(kind, "s" * 999, "t" * 9_999) for kind in AlertKind for _ in range(40)]
    apply(lease, 5, *[b"%d" % i for i in range(100)])
    await lease.checkpoint()
    (found,) = metadata(lease)
    assert len(found) < METADATA_BYTES
    body, sent = orjson.loads(found), producer_of(lease).committed[-1]
    assert sent[body["status"]][2][0] == STATUS
    assert body["alerts"] == len({(alert.kind, alert.subject) for alert in lease.alerts})
    assert len(lease.alerts) == (MOST_OF_A_KIND + 1) * len(AlertKind)
    assert len(sent[body["status"]][2][1] or b"") < 512 << 10
    assert len(lease.inputs) == len(SOURCES)
