"""The console's copy: what its rows say, and that it may be killed or deleted at any moment."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import Failure
from streams.console.folder_feed import FolderFeed
from streams.console.intake import Batch, Intake
from streams.console.rows import UPDATE, rows_of
from streams.console.store import Place, Store
from streams.interventions.case_states import State
from streams.operations.cases.fold import Messages, fold
from streams.operations.cases.worklist import OPEN, due
from tests.console.copies import PROFILE, content, lines, record, store_in, write
from tests.operations.cases.messages import Message, intervention, reason, update, withheld

NAMES = ("i1", "i2")
COLUMNS = "case_id, state, tier, scope, who, agent_id, channel, worth, probability, withheld_reason, is_open, due_us"

TIERS = st.sampled_from(["extreme", "high"])
sent = st.builds(lambda name, tier: intervention(name, tier=tier), st.sampled_from(NAMES), TIERS)
held = st.builds(lambda name: withheld(name), st.sampled_from(NAMES))
changed = st.builds(
    lambda name, status, fields: update(status, name, **fields),
    st.sampled_from(NAMES),
    st.sampled_from(["contacted", "escalated", "upgraded", "closed"]),
    st.fixed_dictionaries(
        {},
        optional={
            "state": st.sampled_from([state.value for state in State]),
            "tier": TIERS,
            "who": st.sampled_from(["director", "service advisor"]),
            "agent_id": st.sampled_from(["anna", "bert", None]),
            "window": st.sampled_from(["7d", "14d"]),
            "expected_net_value": st.sampled_from([1.0, 5.5]),
            "probability": st.sampled_from([0.55, 0.9]),
            "reasons": st.just([reason("New")]),
            "action": st.just({"who": "director", "channel": "visit", "offer": "gift", "script": "Visit."}),
        },
    ),
)


def rows_as_folded(bodies: list[Message]) -> list[tuple[Any, ...]]:
    """What the rows must be, by the fold of the work list."""
    parts: dict[str, list[Message]] = {"interventions": [], "interventions-withheld": [], "intervention-updates": []}
    for body in bodies:
        parts[record(body)[0]].append(body)
    cases, _ = fold(Messages(*parts.values()))
    rows = []
    for case in cases.values():
        now, is_sent = case.now, case.withheld_reason is None
        at = due(PROFILE.case, case)[0].at_us if is_sent and due(PROFILE.case, case) else None
        rows.append((
            case.intervention_id, case.state, now["tier"], now["scope"], case.to, now["agent_id"],
            now["action"]["channel"], now["expected_net_value"], now["probability"], case.withheld_reason,
            int(is_sent and case.state in OPEN), at,
        ))  # fmt: skip
    return sorted(rows)


@settings(max_examples=60)
@given(bodies=st.lists(st.one_of(sent, held, changed), max_size=8), parts=st.integers(1, 4))
def test_rows_are_what_the_work_list_folds_in_whatever_order_and_batches_messages_come(
    bodies: list[Message], parts: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = store_in(tmp_path_factory.mktemp("store"))
    for part in range(parts):
        write(store, *bodies[part * len(bodies) // parts : (part + 1) * len(bodies) // parts])
    found = store._connection.execute(f"SELECT {COLUMNS} FROM cases ORDER BY case_id").fetchall()
    store.close()
    assert found == rows_as_folded(bodies)


def test_offsets_are_those_behind_the_rows(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.write(rows_of([record(intervention())]), {("interventions", 2): 41})
    store.write(rows_of([]), {("interventions", 0): 3, ("interventions", 2): 44})
    assert store.offsets == {("interventions", 0): 3, ("interventions", 2): 44}


def test_an_error_leaves_neither_rows_nor_offsets(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    rows = rows_of([record(intervention()), record(update("contacted"))])
    rows.updates[0] = (*rows.updates[0][:-1], object())
    with pytest.raises(Exception, match="object"):
        store.write(rows, {("interventions", 0): 1})
    assert content(store) == {"messages": [], "cases": [], "offsets": []}
    assert store.change == 0


def test_another_policy_another_source_and_a_broken_file_make_a_new_copy(tmp_path: Path) -> None:
    write(first := store_in(tmp_path), intervention())
    first.close()
    again = store_in(tmp_path)
    assert len(content(again)["cases"]) == 1
    again.close()
    other = store_in(tmp_path, source="elsewhere")
    assert content(other)["cases"] == []
    write(other, intervention())
    other.close()
    slower = PROFILE.case.model_copy(update={"contact_within_us": 1})
    with_other_policy = Store(tmp_path / "console.sqlite", slower, "elsewhere")
    assert content(with_other_policy)["cases"] == []


def test_a_file_that_is_no_store_is_named_and_kept(tmp_path: Path) -> None:
    (tmp_path / "console.sqlite").write_bytes(b"the only copy of a novel" * 100)
    with pytest.raises(Failure, match=r"console\.sqlite.*name another file"):
        store_in(tmp_path)
    assert (tmp_path / "console.sqlite").read_bytes().startswith(b"the only copy")


def test_a_second_console_does_not_write_to_the_same_file(tmp_path: Path) -> None:
    first = store_in(tmp_path)
    with pytest.raises(Failure, match="another console writes to it"):
        store_in(tmp_path)
    first.close()
    store_in(tmp_path).close()


def test_records_that_are_no_messages_are_counted_and_left_out() -> None:
    rows = rows_of([("interventions", b"{"), ("intervention-updates", b"[]"), record(intervention())])
    assert (len(rows.cases), rows.strange) == (1, {"interventions": 1, "intervention-updates": 1})


def city(count: int) -> list[Message]:
    sent = [intervention(f"i{n}", customer_id=f"c{n % 7}", expected_net_value=float(n)) for n in range(count)]
    return [
        *sent,
        *(update("contacted", f"i{n}", customer_id=f"c{n % 7}", state="contacted") for n in range(0, count, 2)),
    ]


async def read_all(folder: Path, store: Store) -> None:
    intake = Intake(FolderFeed(folder), store, lambda line: None)
    await intake.start()
    await intake.catch_up()


def test_a_deleted_copy_is_read_again_and_equal(tmp_path: Path) -> None:
    folder = lines(tmp_path / "replay", city(60))
    asyncio.run(read_all(folder, before := store_in(tmp_path)))
    wanted = content(before)
    before.close()
    (tmp_path / "console.sqlite").unlink()
    asyncio.run(read_all(folder, after := store_in(tmp_path)))
    assert content(after) == wanted
    assert len(wanted["cases"]) == 60


def test_lines_that_come_later_are_read_from_where_the_store_ends(tmp_path: Path) -> None:
    folder = lines(tmp_path / "replay", city(10))
    asyncio.run(read_all(folder, store := store_in(tmp_path)))
    with (folder / "interventions.jsonl").open("ab") as file:
        late = record(intervention("late"))[1]
        file.write(late + b"\n" + late[:40])  # and half a line
    asyncio.run(read_all(folder, store))
    assert [row[0] for row in content(store)["cases"]] == sorted([*(f"i{n}" for n in range(10)), "late"])


def test_a_file_that_became_shorter_is_read_again_from_its_beginning(tmp_path: Path) -> None:
    folder = lines(tmp_path / "replay", city(10))
    asyncio.run(read_all(folder, store := store_in(tmp_path)))
    lines(folder, city(4))
    asyncio.run(read_all(folder, store))
    assert len(content(store)["cases"]) == 4


KILLED = """
import sys
from pathlib import Path
from tests.console.copies import record, store_in
from tests.console.test_store import city
from streams.console.rows import rows_of
store, records = store_in(Path(sys.argv[1])), [record(body) for body in city(400)]
while True:
    at = store.offsets.get(("all", 0), 0)
    store.write(rows_of(records[at : at + 7]), {("all", 0): min(at + 7, len(records))})
    print(at, flush=True)
    if at >= len(records):
        break
"""


def test_kill_9_at_any_moment_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    for reached in (3, 11, 29):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(reached):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=True, capture_output=True)
    killed, undisturbed = store_in(tmp_path), store_in(tmp_path / "other", source="undisturbed")
    write(undisturbed, *city(400))
    found, wanted = content(killed), content(undisturbed)
    assert found["cases"] == wanted["cases"]
    assert sorted(found["messages"]) == sorted(wanted["messages"])
    assert sum(kind == UPDATE for _, kind, *_ in found["messages"]) == 200


class Broken:
    """A feed whose topics were made again: what was read before is not there any more."""

    source = "test"

    def __init__(self) -> None:
        self.batches = [Batch([record(intervention("new"))], {("interventions", 0): 1})]

    async def start(self, offsets: dict[Place, int]) -> bool:
        return not offsets

    async def left(self) -> int:
        return len(self.batches)

    async def next(self) -> Batch:
        return self.batches.pop()

    async def stop(self) -> None:
        pass


def test_other_records_than_before_are_read_into_a_new_copy_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    store = store_in(tmp_path)
    store.write(rows_of([record(intervention("old"))]), {("interventions", 0): 9})

    async def read() -> None:
        intake = Intake(Broken(), store, said.append)
        await intake.start()
        await intake.catch_up()

    asyncio.run(read())
    assert [row[0] for row in content(store)["cases"]] == ["new"]
    assert "all are read again" in said[0]
