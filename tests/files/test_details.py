"""Outcomes and profiles in files of every format."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.columns import Details
from tests.files.logs import as_csv, as_jsonl, as_parquet, decoded, gz, written

AT = {"customer_id": "c1", "event_time": "2024-03-01T08:30:00Z"}
CONSENT = {"sms": True, "mail": False}
OUTCOME = AT | {"event_id": "e1", "intervention_id": "i1", "status": "saved", "cost": 2.5, "causes": ["price"]}


def details(path: str) -> list[Details]:
    """Returns the details in the order of their rows."""
    chunks = [chunk.decoded for chunk in decoded(path)]
    return [chunk.details[one - 1] for chunk in chunks for one in chunk.events.rows["details"].tolist() if one]


def test_outcomes_are_the_same_in_every_format(tmp_path: Path) -> None:
    for name, write in ((".jsonl", as_jsonl), (".csv", as_csv), (".parquet", as_parquet)):
        [one] = details(written(tmp_path, f"intervention_outcomes{name}", write([OUTCOME])))
        assert one == {name: value for name, value in OUTCOME.items() if name not in AT}


@pytest.mark.parametrize("consent", [json.dumps(CONSENT), "sms:true;mail:false"])
def test_consent_is_text_in_tables(tmp_path: Path, consent: str) -> None:
    rows = [AT | {"consent": consent, "value": 10.0}]
    for name, data in (("csv.gz", gz(as_csv(rows))), ("parquet", as_parquet(rows))):
        assert details(written(tmp_path, f"customer_profiles.{name}", data)) == [{"consent": CONSENT, "value": 10.0}]


@pytest.mark.parametrize("kind", [pa.map_(pa.string(), pa.bool_()), pa.struct({"sms": pa.bool_(), "mail": pa.bool_()})])
def test_consent_may_be_a_map_or_a_struct_of_parquet(tmp_path: Path, kind: pa.DataType) -> None:
    table = pa.table({name: [value] for name, value in AT.items()})
    cell = list(CONSENT.items()) if pa.types.is_map(kind) else CONSENT
    sink = io.BytesIO()
    pq.write_table(table.append_column("consent", pa.array([cell], kind)), sink)
    assert details(written(tmp_path, "customer_profiles.parquet", sink.getvalue())) == [{"consent": CONSENT}]


def test_details_of_mixed_kinds_stay_with_their_rows(tmp_path: Path) -> None:
    profile = AT | {"kind": "customer_profile", "scope": "a"}
    visit, outcome = AT | {"kind": "service_visit"}, OUTCOME | {"kind": "intervention_outcome"}
    found = details(
        written(tmp_path, "log.jsonl", as_jsonl([outcome, visit, profile, outcome, profile | {"scope": "b"}]))
    )
    assert [one.get("scope") or one["status"] for one in found] == ["saved", "a", "saved", "b"]
