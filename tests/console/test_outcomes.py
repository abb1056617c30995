"""Outcomes that advisers report: what is sent, what counts once, and who is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.errors import Failure
from schemas.events import InterventionOutcome
from streams.console.access import Role, Viewer
from streams.console.outcomes import OFFERED, STATUSES, Reports, Verdict, final_heartbeat, outcome_id
from streams.console.queries import Listed, Reader
from streams.interventions.case_states import TABLE, CaseTrigger
from tests.console.consoles import ADVISER, MANAGER, NOW_US, ON_CALL, serving
from tests.console.copies import store_in, write
from tests.operations.cases.messages import intervention, update, withheld

ANNA = Viewer("anna", Role.ADVISER, ("pilot",))


class Topic:
    """What was sent; `answers`: whether brokers take it."""

    def __init__(self, answers: bool = True) -> None:
        self.sent: list[dict[str, Any]] = []
        self.answers = answers

    async def send(self, customer_id: str, value: bytes) -> None:
        await asyncio.sleep(0)
        if not self.answers:
            raise Failure("no broker")
        self.sent.append(orjson.loads(value))


def case_of(folder: Path, *bodies: dict[str, Any]) -> Listed:
    store = store_in(folder)
    write(store, *bodies)
    found = Reader(store.path).case("i1")
    store.close()
    assert found
    return found


async def test_an_outcome_is_an_event_that_workers_accept(tmp_path: Path) -> None:
    topic = Topic()
    case = case_of(tmp_path, intervention())
    assert await Reports(topic).report(case, "contacted", "bert", NOW_US) is Verdict.SENT
    event = InterventionOutcome.model_validate(topic.sent[0], context={"now_us": NOW_US})
    assert (event.intervention_id, event.status, event.agent_id, event.channel) == ("i1", "contacted", "bert", "phone")
    assert orjson.loads(final_heartbeat(NOW_US))["final"] is True


def test_every_status_that_is_offered_fits_the_table_of_states() -> None:
    assert all((state, CaseTrigger(status)) in TABLE for state, offered in OFFERED.items() for status in offered)
    assert {status for offered in OFFERED.values() for status in offered} == set(STATUSES)


async def test_a_case_that_two_report_at_once_has_one_outcome_and_the_second_is_told(tmp_path: Path) -> None:
    topic = Topic()
    reports, case = Reports(topic), case_of(tmp_path, intervention())
    both = [reports.report(case, "contacted", name, NOW_US) for name in ("anna", "bert")]
    assert await asyncio.gather(*both) == [Verdict.SENT, Verdict.ALREADY]
    assert [event["agent_id"] for event in topic.sent] == ["anna"]
    assert reports.standing(case).by == "anna"


async def test_two_consoles_report_the_same_event(tmp_path: Path) -> None:
    topic, case = Topic(), case_of(tmp_path, intervention())
    for name in ("anna", "bert"):
        assert await Reports(topic).report(case, "contacted", name, NOW_US) is Verdict.SENT
    first, second = topic.sent
    assert first["event_id"] == second["event_id"] == outcome_id("i1", "contacted", 0)


def test_the_first_of_two_reports_of_one_event_counts(tmp_path: Path) -> None:
    outcomes = [outcome("contacted", name) for name in ("anna", "bert")]
    case = case_of(tmp_path, intervention(), *outcomes)
    assert (case.waits_for, case.reported_by) == ("contacted", "anna")
    assert Reports(Topic()).standing(case).by == "anna"


def outcome(status: str, agent: str, at: str = "2024-03-02T10:00:00Z") -> dict[str, Any]:
    return {
        "event_id": outcome_id("i1", status, 0), "kind": "intervention_outcome", "customer_id": "anna",
        "event_time": at, "producer": "keepline-console", "intervention_id": "i1", "status": status, "agent_id": agent,
    }  # fmt: skip


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_an_outcome_waits_until_an_update_answers_it_in_whatever_order_the_topics_come(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    answer = update("contacted", state="contacted", agent_id="anna", updated_at="2024-03-02T10:00:00Z")
    bodies = [intervention(), outcome("contacted", "anna"), answer]
    store = store_in(tmp_path)
    for number in order:
        write(store, bodies[number])
    write(store, update("overdue", updated_at="2024-03-02T09:00:00Z"))
    case = Reader(store.path).case("i1")
    assert case
    assert (case.waits_for, case.state) == (None, "contacted")
    write(store, outcome("responded", "anna", "2024-03-03T00:00:00Z"))
    case = Reader(store.path).case("i1")
    assert case
    assert (case.waits_for, case.reported_by) == ("responded", "anna")


async def test_a_case_that_has_moved_on_takes_no_outcome_of_before(tmp_path: Path) -> None:
    topic = Topic()
    contacted = case_of(tmp_path, intervention(), update("contacted", state="contacted"))
    assert await Reports(topic).report(contacted, "acknowledged", "bert", NOW_US) is Verdict.MOVED_ON
    assert await Reports(topic).report(contacted, "contacted", "bert", NOW_US) is Verdict.ALREADY
    held = case_of(tmp_path / "other", withheld())
    assert await Reports(topic).report(held, "contacted", "bert", NOW_US) is Verdict.MOVED_ON
    assert topic.sent == []
    assert Reports(topic).offered(held) == ()


async def test_after_an_upgrade_the_same_status_is_another_outcome(tmp_path: Path) -> None:
    topic = Topic()
    case = case_of(
        tmp_path, intervention(), update("acknowledged", state="acknowledged"),
        update("upgraded", state="open", tier="extreme"),
    )  # fmt: skip
    assert await Reports(topic).report(case, "acknowledged", "bert", NOW_US) is Verdict.SENT
    assert topic.sent[0]["event_id"] != outcome_id("i1", "acknowledged", 0)


async def test_what_brokers_do_not_take_may_be_reported_again(tmp_path: Path) -> None:
    topic, case = Topic(answers=False), case_of(tmp_path, intervention())
    reports = Reports(topic)
    with pytest.raises(Failure):
        await reports.report(case, "contacted", "bert", NOW_US)
    topic.answers = True
    assert reports.standing(case).waits_for is None
    assert await reports.report(case, "contacted", "bert", NOW_US) is Verdict.SENT


def test_a_folder_takes_no_reports(tmp_path: Path) -> None:
    assert Reports(None).offered(case_of(tmp_path, intervention())) == ()


async def test_a_button_reports_as_who_has_signed_in_and_the_page_says_so(tmp_path: Path) -> None:
    topic = Topic()
    write(store := store_in(tmp_path), intervention())
    async with serving(store, sender=topic) as served:
        browser = served.browser(ANNA)
        data = {"token": served.token(browser), "status": "contacted", "agent_id": "somebody else"}
        answer = await browser.post("/outcome?case=i1", data=data)
        text = await answer.text()
        assert "Reported: contacted" in text
        assert "contacted, being confirmed" in text
        assert [event["agent_id"] for event in topic.sent] == ["anna"]
        second = served.browser(ADVISER)
        said = await second.post(
            "/outcome?case=i1", data=data | {"token": served.token(second)}, headers={"Accept": "application/json"}
        )
        assert await said.json() == {
            "told": "already", "said": "Not sent: anna has reported this already (contacted).",
        }  # fmt: skip
        assert len(topic.sent) == 1


async def test_a_replayed_report_counts_once(tmp_path: Path) -> None:
    topic = Topic()
    write(store := store_in(tmp_path), intervention())
    async with serving(store, sender=topic) as served:
        browser = served.browser()
        data = {"token": served.token(browser), "status": "acknowledged"}
        for _ in range(5):
            assert (await browser.post("/outcome?case=i1", data=data)).status == 200
        assert len(topic.sent) == 1


async def test_reports_that_no_page_of_the_viewer_sends_are_refused(tmp_path: Path) -> None:
    topic = Topic()
    write(store := store_in(tmp_path), intervention(), intervention("theirs", scope="city-2"))
    async with serving(store, sender=topic) as served:

        async def tried(viewer: Viewer | None, case: str, **data: str) -> int:
            browser = served.browser(viewer)
            token = {} if viewer is None else {"token": served.token(browser)}
            return (await browser.post(f"/outcome?case={case}", data=token | data)).status

        assert await tried(ANNA, "theirs", status="contacted") == 404
        assert await tried(ANNA, "none", status="contacted") == 404
        assert await tried(ON_CALL, "i1", status="contacted") == 404
        assert await tried(ANNA, "i1", status="saved") == 400
        assert await tried(ANNA, "i1") == 400
        assert await tried(ANNA, "i1", status="contacted", token="forged") == 403
        assert await tried(None, "i1", status="contacted") == 403
        assert topic.sent == []
        assert await tried(MANAGER, "theirs", status="contacted") == 200


async def test_on_call_has_no_buttons(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention())
    async with serving(store, sender=Topic()) as served:
        for viewer, wanted in ((ON_CALL, False), (ANNA, True)):
            for path in ("/work", "/case?id=i1"):
                assert ("formaction" in await (await served.browser(viewer).get(path)).text()) is wanted


async def test_brokers_that_do_not_answer_are_told_of(tmp_path: Path) -> None:
    write(store := store_in(tmp_path), intervention())
    async with serving(store, sender=Topic(answers=False)) as served:
        browser = served.browser()
        answer = await browser.post("/outcome?case=i1", data={"token": served.token(browser), "status": "contacted"})
        assert "Kafka does not take it" in await answer.text()
