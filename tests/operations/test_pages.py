"""The pages of a worker whose event loop hangs: this test is the loop, and blocks in each request."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from schemas.errors import Failure
from streams.operations.pages import TURN_LIMIT_S, serve
from tests.kafka.apache import free_ports


@pytest.fixture
def address() -> str:
    (port,) = free_ports(1)
    leases = SimpleNamespace(all={}, generation=None, frozen=True)
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
        serve(cast(Any, SimpleNamespace(leases=SimpleNamespace(all={}))), address)
