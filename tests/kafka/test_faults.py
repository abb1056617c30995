"""Two rows of the table of faults (`python -m tests.faults`), on Apache Kafka and with seconds for minutes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.__main__ import run
from tests.faults.kinds import FAULTS
from tests.faults.table import Result
from tests.kafka.apache import Unavailable

AWAY_S = 10.0
OF_STATUS = r"^exit \d+: .*service-visits/3 has no leader"  # until then the fault lasts: others may tell it before


async def test_brokers_that_were_away_and_a_lost_leader_are_told_and_all_is_well_again(
    brokers: str, tmp_path: Path
) -> None:
    known = {one.name: replace(one, lasts_s=AWAY_S) for one in FAULTS}
    chosen = [known["broker-away"], replace(known["leader-gone"], told=OF_STATUS)]
    results: list[Result] = []
    try:
        await run(tmp_path, chosen, results)
    except Unavailable as error:
        pytest.skip(str(error))
    away, leaderless = results
    assert away.wrong + leaderless.wrong == []
