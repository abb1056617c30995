"""Two rows of the table of faults (`python -m tests.faults`), on Apache Kafka and with seconds for minutes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.__main__ import run
from tests.faults.kinds import FAULTS
from tests.faults.table import Result
from tests.kafka.apache import Unavailable

AWAY_S = 10.0


async def test_brokers_that_were_away_and_a_lost_leader_are_told_and_all_is_well_again(
    brokers: str, tmp_path: Path
) -> None:
    chosen = [replace(one, lasts_s=AWAY_S) for one in FAULTS if one.name in ("broker-away", "leader-gone")]
    results: list[Result] = []
    try:
        await run(tmp_path, chosen, results)
    except Unavailable as error:
        pytest.skip(str(error))
    away, leaderless = results
    assert away.wrong + leaderless.wrong == []
    of_status = [one.text for one in leaderless.seen if one.place == "status"]
    assert any(re.search("service-visits/3 has no leader", text) for text in of_status)
