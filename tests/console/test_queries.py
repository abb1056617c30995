"""What pages read: order, filters, scopes, and pages of a long list."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.instants import parse_instant
from streams.console.access import Role, Viewer
from streams.console.queries import Reader, WorkFilter
from tests.console.copies import store_in, write
from tests.operations.cases.messages import intervention, update, withheld

MANAGER = Viewer("mia", Role.MANAGER, None)
ADVISER = Viewer("bert", Role.ADVISER, ("city-1",))
NOON_US = parse_instant("2024-03-02T12:00:00Z")


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    store = store_in(tmp_path)
    write(
        store,
        intervention("low", expected_net_value=1.0, scope="city-1", customer_id="c1"),
        intervention("top", expected_net_value=9.0, scope="city-2", customer_id="c2", agent_id=None, cause="price"),
        intervention("mid", expected_net_value=5.0, scope="city-1", customer_id="c3", tier="extreme", strategy="slot"),
        intervention("none", expected_net_value=4.0, scope=None, customer_id="d4"),
        intervention("over", expected_net_value=8.0, customer_id="c5"),
        withheld("held", expected_net_value=7.0, customer_id="c6"),
        update("acknowledged", "mid", state="acknowledged"),
        update("expired", "over", state="expired"),
    )
    return Reader(store.path)


def ids(reader: Reader, viewer: Viewer = MANAGER, **asked: object) -> list[str]:
    return [case.case_id for case in reader.open_cases(viewer, WorkFilter(**asked))]  # type: ignore[arg-type]


def test_open_cases_come_by_worth_without_ended_and_withheld_ones(reader: Reader) -> None:
    assert ids(reader) == ["top", "mid", "none", "low"]


def test_an_adviser_sees_the_own_scopes_and_nothing_else(reader: Reader) -> None:
    assert ids(reader, ADVISER) == ["mid", "low"]
    assert ids(reader, ADVISER, scope="city-2") == []
    assert reader.counts(ADVISER, WorkFilter(), []) == ([2], False)
    assert reader.scopes(ADVISER) == ["city-1"]
    assert ids(reader, Viewer("new", Role.ADVISER, ())) == []


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"tier": "extreme"}, ["mid"]),
        ({"agent": ""}, ["top"]),
        ({"agent": "bert"}, ["mid", "none", "low"]),
        ({"cause": "price"}, ["top"]),
        ({"strategy": "slot"}, ["mid"]),
        ({"scope": "city-1", "tier": "high"}, ["low"]),
        ({"tier": "' OR 1 --"}, []),
        # acknowledged until 00:00 of 2 March, contacted until 4 March
        ({"before_us": NOON_US}, ["top", "none", "low"]),
        ({"before_us": parse_instant("2024-03-01T12:00:00Z")}, []),
    ],
)
def test_filters_leave_what_fits_and_counts_agree(reader: Reader, asked: dict[str, object], wanted: list[str]) -> None:
    assert ids(reader, **asked) == wanted
    assert reader.counts(MANAGER, WorkFilter(**asked), [])[0] == [len(wanted)]  # type: ignore[arg-type]


def test_the_scopes_of_open_cases_are_listed_once(reader: Reader) -> None:
    assert reader.scopes(MANAGER) == ["city-1", "city-2"]


def test_pages_of_a_list_follow_each_other_also_among_equal_worths(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    write(store, *(intervention(f"i{n:02}", expected_net_value=float(n // 4)) for n in range(20)))
    reader, seen, after = Reader(store.path), list[str](), None
    while found := reader.open_cases(MANAGER, WorkFilter(after=after), most=3):
        seen += [case.case_id for case in found]
        after = (found[-1].worth, found[-1].case_id)
    assert seen == [case.case_id for case in reader.open_cases(MANAGER, WorkFilter(), most=99)]
    assert len(set(seen)) == len(seen) == 20


ODD = ["a/b", "it's", '"quoted"', "50%_x", "🚗🚗", "客户", "\u202eevil", "x" * 128, "<b>"]


@pytest.mark.parametrize("name", ODD)
def test_customers_are_found_by_the_beginning_of_any_id(tmp_path: Path, name: str) -> None:
    store = store_in(tmp_path)
    write(
        store,
        intervention(customer_id=name, scope="s"),
        *(intervention(f"o{n}", customer_id=f"o{n}") for n in range(3)),
    )
    reader = Reader(store.path)
    assert reader.customers(MANAGER, name[:1]) == reader.customers(MANAGER, name) == [name]
    assert reader.customers(ADVISER, name) == []
    assert [body["customer_id"] for body in reader.messages(name).interventions] == [name]


def test_a_reader_cannot_write(reader: Reader) -> None:
    with pytest.raises(Exception, match="readonly"):
        reader._all("DELETE FROM cases")


def test_counts_are_by_what_is_due_and_stop_at_a_limit(monkeypatch: pytest.MonkeyPatch, reader: Reader) -> None:
    assert reader.counts(MANAGER, WorkFilter(), [NOON_US, 1 << 62]) == ([4, 3, 4], False)
    monkeypatch.setattr("streams.console.queries.MOST_COUNTED", 2)
    assert reader.counts(MANAGER, WorkFilter(), []) == ([2], True)


def test_changes_are_found_by_their_number(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    first = write(store, intervention("a"), intervention("b"))
    second = write(store, update("contacted", "a", state="contacted"))
    reader = Reader(store.path)
    assert reader.changed_since(0, 9) == [(first, "b", "pilot"), (second, "a", "pilot")]
    assert reader.changed_since(first, 9) == [(second, "a", "pilot")]


def test_published_probabilities_are_kept_of_customers_with_a_case(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    score = {"scored_at": "2024-03-02T00:00:00Z", "probability": 0.7}
    write(store, score | {"customer_id": "anna", "scored_at": "2024-02-01T00:00:00Z"})
    write(store, intervention(customer_id="anna"))
    write(store, score | {"customer_id": "anna"}, score | {"customer_id": "bert"})
    reader = Reader(store.path)
    assert reader.scores("anna") == [(parse_instant("2024-03-02T00:00:00Z"), 0.7)]
    assert reader.scores("bert") == []
