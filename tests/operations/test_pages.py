"""The pages of a worker whose event loop hangs: this test is the loop, and blocks in each request."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from schemas.alerts import Alert, AlertKind
from schemas.errors import Failure
from streams.kafka.giving_up import GivenUp
from streams.kafka.membership import MEMBER_LIMIT_S
from streams.operations.pages import TURN_LIMIT_S, healthy, is_ready, serve
from tests.kafka.apache import free_ports


@pytest.fixture
def address() -> str:
    (port,) = free_ports(1)
    leases = SimpleNamespace(
        all={}, generation=None, given_up=[], member_at=0.0, blueprints={}, stats={}, retention_us={}
    )
    serve(cast(Any, SimpleNamespace(leases=leases, turned_at=time.monotonic() - TURN_LIMIT_S - 1)), str(port))
    return f"127.0.0.1:{port}"


def get(address: str, path: str) -> tuple[int, str]:
    try:
        with urlopen(f"http://{address}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


async def test_they_answer_while_the_loop_hangs(address: str) -> None:
    assert get(address, "/healthz") == (503, "the event loop has not turned for 16 s\n")
    assert get(address, "/readyz") == (503, "not assigned yet\n")
    assert "# TYPE keepline_events_total counter" in get(address, "/metrics?scrape")[1]
    assert get(address, "/") == (404, "/healthz, /readyz, /metrics\n")


async def test_a_port_that_is_taken_is_named(address: str) -> None:
    with pytest.raises(Failure, match=f"--http {address}: cannot listen there"):
        serve(cast(Any, SimpleNamespace(leases=SimpleNamespace(all={}, given_up=[]))), address)


NOW = 1_000.0
GIVEN_UP = GivenUp("engine-1", "ValueError: a bad row", NOW - 1, 4.0)


def worker(why: str = "", **leases: Any) -> Any:
    """A worker whose loop turns, a member that owns nothing."""
    known = {"all": {}, "ready": [], "given_up": [], "generation": 3, "rebalancing": False, "member_at": NOW}
    settings = SimpleNamespace(group="g")
    outage = SimpleNamespace(why=why)
    return SimpleNamespace(turned_at=NOW, settings=settings, outage=outage, leases=SimpleNamespace(**known | leases))


def test_an_idle_spare_that_is_a_member_is_healthy_and_ready() -> None:
    assert healthy(worker(), NOW)[0] == 200
    assert is_ready(worker()) == (200, "owns nothing: there are more workers than units\n")


def test_a_worker_that_is_no_member_for_a_minute_is_not_healthy() -> None:
    assert healthy(worker(member_at=NOW - MEMBER_LIMIT_S), NOW)[0] == 200
    assert healthy(worker(member_at=NOW - MEMBER_LIMIT_S - 9), NOW) == (503, "no member of the group g for 69 s\n")


def test_brokers_that_do_not_answer_are_named_and_that_a_restart_does_not_help() -> None:
    seen = worker("broker a:9092: nothing listens there", member_at=NOW - MEMBER_LIMIT_S - 9, given_up=[GIVEN_UP])
    why = "no member of the group g for 69 s: broker a:9092: nothing listens there; a restart does not help\n"
    assert healthy(seen, NOW) == (503, why)
    assert is_ready(seen)[1].splitlines() == ["broker a:9092: nothing listens there", str(GIVEN_UP)]
    seen = worker("broker a:9092: nothing listens there", given_up=[GIVEN_UP])
    assert healthy(seen, NOW) == (503, f"broker a:9092: nothing listens there; a restart does not help\n{GIVEN_UP}\n")


def test_a_unit_that_was_given_up_is_named_and_the_process_is_healthy_while_another_works() -> None:
    works = SimpleNamespace(name="engine-0", ready=True, leaderless=[])
    seen = worker(all={"engine-0": works}, ready=[works], given_up=[GIVEN_UP])
    assert healthy(seen, NOW)[0] == 200
    assert is_ready(seen) == (
        503,
        "engine-1 was given up, and is tried again every 4 s: ValueError: a bad row\n",
    )


def test_a_worker_whose_units_are_all_given_up_is_not_healthy() -> None:
    code, text = healthy(worker(given_up=[GIVEN_UP]), NOW)
    assert (code, "ValueError: a bad row" in text) == (503, True)


def test_a_unit_of_which_a_partition_has_no_leader_is_named_and_the_process_is_healthy() -> None:
    alert = Alert(AlertKind.NO_LEADER, "visits/0", "visits/0 has no leader: start broker 2")
    waits = SimpleNamespace(name="engine-0", ready=True, leaderless=[alert])
    seen = worker(all={"engine-0": waits}, ready=[waits])
    assert healthy(seen, NOW)[0] == 200
    assert is_ready(seen) == (503, "engine-0: visits/0 has no leader: start broker 2\n")
