from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from schemas.columns import Events
from schemas.decode import Decoder
from schemas.errors import UsageError
from schemas.events import KINDS
from schemas.instants import DAY_US, parse_instant
from streams.cli import main
from streams.files.decoding import decode_source
from streams.files.formats import open_source
from streams.simulation import write_city

START_US = parse_instant("2023-01-02T00:00:00Z")
END_US = START_US + 200 * DAY_US
KIND_OF = {
    "service_visits.jsonl": "service_visit",
    "app_activity.jsonl": "app_activity",
    "surveys.jsonl": "survey",
    "customer_profiles.jsonl": "customer_profile",
}
FILES = (*KIND_OF, "truth.jsonl", "manifest.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished city of 300 customers and 200 days."""
    out = tmp_path_factory.mktemp("city")
    write_city(out, customers=300, days=200, start_us=START_US, seed=5)
    return out


@pytest.fixture(scope="module")
def csv_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same city as CSV."""
    out = tmp_path_factory.mktemp("csv")
    write_city(out, customers=300, days=200, start_us=START_US, seed=5, form="csv")
    return out


def objects(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def test_the_same_arguments_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    write_city(tmp_path, customers=300, days=200, start_us=START_US, seed=5)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


@pytest.mark.parametrize("name", KIND_OF)
def test_the_files_of_fewer_days_are_the_beginning(folder: Path, tmp_path: Path, name: str) -> None:
    write_city(tmp_path, customers=300, days=50, start_us=START_US, seed=5)
    assert (folder / name).read_bytes().startswith((tmp_path / name).read_bytes())


@pytest.mark.parametrize("name", KIND_OF)
def test_each_line_is_an_event_of_the_contract(folder: Path, name: str) -> None:
    for event in objects(folder / name):
        assert set(event) >= {"event_id", "kind", "schema_version", "customer_id", "event_time", "producer"}
        KINDS[KIND_OF[name]].model_validate(event, context={"now_us": END_US})
        assert (event["kind"], event["producer"]) == (KIND_OF[name], "simulator")


@pytest.mark.parametrize("name", KIND_OF)
def test_the_decoder_knows_every_field(folder: Path, name: str) -> None:
    events = objects(folder / name)
    decoded = Decoder(KIND_OF[name]).decode_objects(events, now_us=END_US)
    assert (len(decoded.events), decoded.refused, dict(decoded.unknown_fields)) == (len(events), [], {})


@pytest.mark.parametrize("name", KIND_OF)
def test_lines_are_in_event_time_order(folder: Path, name: str) -> None:
    times = [str(event["event_time"]) for event in objects(folder / name)]
    assert len(times) > 50
    assert times == sorted(times)


@pytest.mark.parametrize("name", KIND_OF)
def test_event_ids_are_unique(folder: Path, name: str) -> None:
    ids = [event["event_id"] for event in objects(folder / name)]
    assert len(set(ids)) == len(ids)


def test_every_customer_with_events_is_in_the_truth(folder: Path) -> None:
    seen = {event["customer_id"] for name in KIND_OF for event in objects(folder / name)}
    assert seen <= {row["customer_id"] for row in objects(folder / "truth.jsonl")}


def test_the_truth_has_nothing_after_the_last_day(folder: Path) -> None:
    for row in objects(folder / "truth.jsonl"):
        told = [str(row[name]) for name in ("joined_at", "left_at", "returned_at") if row[name]]
        assert all(parse_instant(text) < END_US for text in told)


def test_leavers_alone_have_a_cause(folder: Path) -> None:
    truth = objects(folder / "truth.jsonl")
    assert any(row["left_at"] for row in truth)
    assert all((row["cause"] is None) == (row["left_at"] is None) for row in truth)


def test_the_manifest_says_that_it_is_simulated_and_counts_the_rows(folder: Path) -> None:
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    assert (manifest["simulated"], manifest["seed"], manifest["end"]) == (True, 5, "2023-07-21T00:00:00Z")
    assert manifest["rows"] == {name: len(objects(folder / name)) for name in FILES[:-1]}


def decoded_rows(path: Path) -> list[bytes]:
    """Returns what a replay reads from the file: the numbers and the customer of each accepted event."""
    parts = decode_source(open_source(str(path)), END_US, 0)
    events = Events.concatenate(part.decoded.events for part in parts)
    return [row.tobytes() + customer.encode() for row, customer in zip(events.rows, events.customers, strict=True)]


@pytest.mark.parametrize("name", KIND_OF)
def test_as_csv_the_events_are_the_same(folder: Path, csv_folder: Path, name: str) -> None:
    rows = decoded_rows(folder / name)
    assert len(rows) == len(objects(folder / name))
    assert decoded_rows(csv_folder / name.replace("jsonl", "csv")) == rows


def test_the_truth_does_not_depend_on_the_format(folder: Path, csv_folder: Path) -> None:
    assert (csv_folder / "truth.jsonl").read_bytes() == (folder / "truth.jsonl").read_bytes()


def test_a_second_format_in_a_folder_is_refused_and_nothing_is_lost(tmp_path: Path) -> None:
    write_city(tmp_path, customers=5, days=2, start_us=START_US, seed=5)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match=r"has a file service_visits\.jsonl; remove it or name another folder"):
        write_city(tmp_path, customers=5, days=2, start_us=START_US, seed=5, form="csv")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_hazard_does_not_depend_on_the_length_of_the_run(folder: Path, tmp_path: Path) -> None:
    write_city(tmp_path, customers=300, days=50, start_us=START_US, seed=5)
    later = {row["customer_id"]: row["monthly_hazard"] for row in objects(folder / "truth.jsonl")}
    early = {row["customer_id"]: row["monthly_hazard"] for row in objects(tmp_path / "truth.jsonl")}
    assert early == {customer: later[customer] for customer in early}


def test_a_folder_that_was_not_finished_has_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("of an earlier run")
    (tmp_path / "surveys.jsonl").mkdir()
    with pytest.raises(IsADirectoryError):
        write_city(tmp_path, customers=5, days=2, start_us=START_US, seed=5)
    assert not (tmp_path / "manifest.json").exists()


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="taken: cannot be written to"):
        write_city(tmp_path / "taken", customers=5, days=2, start_us=START_US, seed=5)


def test_the_command_writes_a_city(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--out", str(tmp_path / "new"), "--customers", "50", "--days", "20"]) == 0
    assert "simulated events" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(FILES)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--customers", "0", "--customers 0: expected 1 to"),
        ("--days", "0", "--days 0: expected 1 to"),
        ("--seed", "-1", "--seed -1: expected 0 to"),
        ("--start", "soon", "--start 'soon': expected a date"),
    ],
)
def test_wrong_options_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, sentence: str
) -> None:
    assert main(["simulate", "--out", str(tmp_path), option, value]) == 2
    assert sentence in capsys.readouterr().err
