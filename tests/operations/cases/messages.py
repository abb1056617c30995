"""Messages as in the topics, with fields set by the tests; they are valid by the published models."""

from __future__ import annotations

from typing import Any

from schemas.outputs import Intervention, InterventionUpdate, WithheldIntervention

Message = dict[str, Any]
POLICY = "after-sales-12345678"


def reason(sentence: str = "Rated us 3 of 10", contribution: float = 0.5) -> Message:
    return {
        "topic": "survey",
        "feature": "f",
        "value": 1.0,
        "unit": "points",
        "contribution": contribution,
        "sentence": sentence,
        "sentence_zh": "给我们打了 3 分（满分 10）",
    }


def intervention(name: str = "i1", **fields: Any) -> Message:
    body = {
        "intervention_id": name,
        "customer_id": "anna",
        "opened_by": "crossing",
        "crossed_at": "2024-03-01T00:00:00Z",
        "decided_at": "2024-03-01T00:00:00Z",
        "emitted_at": "2024-03-01T00:00:00Z",
        "window_ends_at": "2024-03-08T00:00:00Z",
        "window": "7d",
        "probability": 0.6,
        "previous_probability": 0.4,
        "tier": "high",
        "action": {"who": "service advisor", "channel": "phone", "offer": "package", "script": "Call."},
        "budget": {"amount": 300.0, "currency": "CNY"},
        "expected_saved": 0.6,
        "expected_net_value": 1000.0,
        "propensity": 0.9,
        "customer_value": 4000.0,
        "scope": "pilot",
        "agent_id": "bert",
        "cause": None,
        "segments": [],
        "lifecycle": "mature",
        "rfm_b": None,
        "touch_points": [],
        "log_odds": 0.4,
        "average_log_odds": -0.5,
        "other_contributions": 0.1,
        "reasons": [reason(), reason()],
        "reasons_against": [reason("Came 2 times", -0.2)],
        "model_version": 3,
        "policy_version": POLICY,
    }
    model = WithheldIntervention if "withheld_reason" in fields else Intervention
    return model.model_validate(body | fields).model_dump()


def withheld(name: str = "i1", why: str = "holdout", **fields: Any) -> Message:
    return intervention(name, withheld_reason=why, retry_at=None, **fields)


def update(status: str, name: str = "i1", **fields: Any) -> Message:
    body = {
        "intervention_id": name,
        "customer_id": "anna",
        "updated_at": "2024-03-02T00:00:00Z",
        "status": status,
        "policy_version": POLICY,
    }
    return InterventionUpdate.model_validate(body | fields).model_dump(exclude_unset=True)
