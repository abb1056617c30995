"""An example of each message, by its name in the AsyncAPI document. A test checks them with the models."""

from __future__ import annotations

from typing import Any

Example = dict[str, Any]

_EVENT = {"schema_version": 1, "customer_id": "c-17", "event_time": "2026-11-23T10:00:00+01:00", "producer": "dms"}
_MARK = {"event_time": "2026-11-23T10:05:00Z", "producer": "dms"}
_ACTION = {"who": "service advisor", "channel": "phone", "offer": "service package", "script": "Ask how the visit was."}
_REASON = {
    "topic": "survey",
    "feature": "nps_last",
    "value": 3.0,
    "unit": "points of 10",
    "contribution": 0.5,
    "sentence": "Likelihood of recommending us: 3 of ten, on 20 November 2026",
    "sentence_zh": "2026年11月20日给出的推荐意愿为 3 分（满分十分）",
    "facts": [
        {
            "measure": "latest",
            "kind": "survey",
            "where": {"survey_type": "nps"},
            "field": "score",
            "from": None,
            "until": "2026-11-23T00:00:00Z",
            "value": 3.0,
            "unit": "points",
            "at": "2026-11-20T08:00:00Z",
            "day": "2026-11-20",
            "zone": "Asia/Shanghai",
        }
    ],
}
_INTERVENTION = {
    "schema_version": 1,
    "intervention_id": "01239cb3-7520-5370-b2d4-64896e3d4a7d",
    "customer_id": "c-17",
    "crossed_at": "2026-11-23T00:00:00Z",
    "decided_at": "2026-11-23T00:00:00Z",
    "emitted_at": "2026-11-23T00:00:01Z",
    "window_ends_at": "2026-11-30T00:00:00Z",
    "window": "7d",
    "probability": 0.62,
    "previous_probability": 0.41,
    "tier": "high",
    "action": _ACTION,
    "budget": {"amount": 300.0, "currency": "CNY"},
    "expected_saved": 0.6,
    "expected_net_value": 1000.0,
    "propensity": 0.9,
    "customer_value": 4000.0,
    "scope": "north",
    "agent_id": "a-3",
    "cause": None,
    "segments": [],
    "lifecycle": "mature",
    "rfm_b": None,
    "touch_points": [],
    "log_odds": 0.5,
    "average_log_odds": -0.5,
    "other_contributions": 0.5,
    "reasons": [_REASON],
    "reasons_against": [],
    "model_version": 41,
    "policy_version": "after-sales-b6c8e714",
}
_ROWS = {
    "observed_at": "2026-11-23T00:00:00Z",
    "model_version": 41,
    "feature_names": ["retained_112d"],
    "customers": ["c-17"],
    "probability": "AAAAAAAA4D8=",
    "said": {"champion": "AAAAAA=="},
    "features": "AAAAAAAAAEA=",
}
_PLACE = {"intervention_id": _INTERVENTION["intervention_id"], "customer_id": "c-17"}
_INSTANT = {"instant": "2026-11-23T00:00:00Z"}

EXAMPLES: dict[str, Example] = {
    "publication": {
        "schema_version": 1,
        "files": ["service_visits.csv"],
        "events": 5338,
        "refused": 0,
        "reached": "2026-11-23T00:00:00Z",
        "complete": True,
        "ended": False,
        "at": "2026-11-24T09:00:00Z",
    },
    "service_visit": _EVENT | {"kind": "service_visit", "event_id": "v-1", "amount": 320.0, "currency": "EUR"},
    "app_activity": _EVENT | {"kind": "app_activity", "event_id": "a-1", "activity_type": "browse", "count": 3},
    "survey": _EVENT
    | {"kind": "survey", "event_id": "s-1", "survey_type": "nps", "score": 3, "causes": ["price", "service"]},
    "intervention_outcome": _EVENT
    | _PLACE
    | {"kind": "intervention_outcome", "event_id": "o-1", "status": "contacted", "producer": "crm", "channel": "phone"},
    "customer_profile": _EVENT
    | {"kind": "customer_profile", "event_id": "p-1", "producer": "crm", "scope": "north", "consent": {"sms": True}},
    "market_signal": _MARK
    | {
        "kind": "market_signal",
        "scope": "north",
        "name": "strike",
        "level": 0.8,
        "from": "2026-11-24T00:00:00Z",
        "until": "2026-12-01T00:00:00Z",
    },
    "heartbeat": _MARK | {"kind": "heartbeat"},
    "end": _MARK | {"kind": "end"},
    "intervention": _INTERVENTION,
    "withheld_intervention": _INTERVENTION | {"withheld_reason": "consent", "retry_at": None},
    "intervention_update": _PLACE
    | {
        "schema_version": 1,
        "updated_at": "2026-11-24T09:00:00Z",
        "status": "contacted",
        "policy_version": _INTERVENTION["policy_version"],
    },
    "touch": {
        "schema_version": 1,
        "touch_id": "7c1e1d0e-0d6f-5f0a-9d53-0d8c3a5f2b11",
        "customer_id": "c-17",
        "touched_at": "2026-11-23T10:00:00Z",
        "trigger": "medium_tier",
        "channel": "sms",
        "offer": "coupon",
        "script": "We miss you.",
        "scope": "north",
        "segments": [],
        "lifecycle": "silent",
        "probability": 0.35,
        "risk": None,
        "policy_version": _INTERVENTION["policy_version"],
    },
    "task": {
        "schema_version": 1,
        "task_id": "0f0d6a52-6a0f-5d3e-8f61-3b2f0f7f4a55",
        "customer_id": "c-17",
        "kind": "complaint",
        "status": "open",
        "updated_at": "2026-11-23T10:00:01Z",
        "opened_at": "2026-11-23T10:00:00Z",
        "due_at": "2026-11-24T10:00:00Z",
        "to": "service manager",
        "script": "Call, and settle it before anything is offered.",
        "scope": "north",
        "policy_version": _INTERVENTION["policy_version"],
    },
    "churn_score": {
        "schema_version": 1,
        "customer_id": "c-17",
        "scored_at": "2026-11-23T10:00:00Z",
        "probability": 0.62,
        "model_version": 41,
        "policy_version": _INTERVENTION["policy_version"],
    },
    "console_audit": {
        "schema_version": 1,
        "at": "2026-11-23T10:00:00Z",
        "name": "adviser-03-2",
        "role": "adviser",
        "did": "reported",
        "page": "/outcome",
        "about": "3f2c7a5d9be04412a6d1c8e07b95f3aa",
        "status": "contacted",
        "result": "sent",
    },
    "publisher_score": {
        "schema_version": 1,
        "producer": "till 7",
        "since": "2026-11-23T09:00:00Z",
        "until": "2026-11-24T09:00:00Z",
        "events": {"service_visit": 812},
        "refused": [
            {
                "rule": "rfc3339",
                "field": "event_time",
                "records": 3,
                "fix": "event_time: expected RFC 3339 with an offset, as in 2024-03-01T08:30:00Z; "
                "came '2026-11-23T10:00:00'",
            }
        ],
        "refused_share": 0.0037,
        "late": 0,
        "duplicates": 2,
        "mean_delay_seconds": 4.2,
        "ahead": 0,
        "most_ahead_seconds": -0.8,
        "missing": {"service_visit.wait_minutes": 0.5},
        "heartbeats": 1440,
        "schema_versions": {"1": 812},
        "last_at": "2026-11-24T08:59:30Z",
        "longest_pause_seconds": 61,
        "silent_beyond_it_seconds": 0,
    },
    "dead_letter": {
        "schema_version": 1,
        "topic": "surveys",
        "partition": 3,
        "offset": 812,
        "field": "value",
        "rule": "json",
        "sentence": "is not JSON in UTF-8; send one JSON object a record",
        "producer": None,
        "value": "ew==",
        "value_bytes": 1,
        "value_sha256": "021fb596db81e6d02bf3d2586ee3981fe519f275c0ac9ca76bbcf2ebb4097d96",
    },
    "observations": _ROWS | {"kind": "observations"},
    "labelled_examples": _ROWS
    | {"kind": "labelled_examples", "label": "AQ==", "treatment": "AA==", "propensity": "AAAAAAAA8D8="},
    "mark": _INSTANT | {"kind": "mark", "partition": 3},
    "report_mark": _INSTANT
    | {"kind": "mark", "partition": 3, "population": {}, "histograms": {}, "missing": {}, "judged": {}, "seen": []},
    "report_end": {"kind": "end", "partition": 3},
    "model_command": {
        "kind": "model_command",
        "action": "promote",
        "command_id": "0b54f6f2-7a0c-4b57-9f0c-3f2d8f6a1c55",
        "event_time": "2026-11-23T10:00:00Z",
        "why": "better on the last four weeks",
        "model": None,
        "challenger": "fast",
    },
    "model_snapshot": {
        "format": 5,
        "instant_us": 1_795_392_000_000_000,
        "version": 41,
        "lineage": {},
        "model": "champion",
        "ready": True,
        "hold": "",
        "learned": True,
        "features": ["retained_112d"],
        "parameters": {},
        "shadow": {},
        "trials": {},
        "judged": {},
        "published": {},
        "mean": {},
        "population": {},
        "labels": 12_000,
        "auc": 0.86,
        "log_loss": 0.31,
        "least_auc": 0.83,
    },
    "candidates": _INSTANT
    | {
        "kind": "candidates",
        "partition": 3,
        "candidates": [
            _PLACE | {"scope": "north", "who": "service advisor", "agent_id": "a-3", "cost": 300.0, "net_value": 1000.0}
        ],
    },
    "dispatch": _INSTANT | {"kind": "dispatch", "grants": [_PLACE | {"rule": None, "retry_at": None}]},
}
