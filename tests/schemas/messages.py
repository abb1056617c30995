"""Messages of publishers for tests: valid ones, and strategies that change some of their fields."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Message = dict[str, Any]

NOW_US = 1_800_000_000_000_000  # 2027-01-15
GOOD: dict[str, Message] = {
    "service_visit": {
        "kind": "service_visit",
        "event_id": "e1",
        "event_time": "2024-03-01T08:30:00+08:00",
        "customer_id": "c1",
        "producer": "dms",
        "schema_version": 1,
        "service_type": "repair",
        "store_id": "s1",
        "amount": 120.5,
        "currency": "EUR",
        "items": 3,
        "wait_minutes": 12.5,
    },
    "app_activity": {
        "kind": "app_activity",
        "event_id": "e1",
        "event_time": "2024-03-01T08:30:00.250Z",
        "customer_id": "c1",
        "producer": "app",
        "activity_type": "browse",
        "count": 2,
        "duration_seconds": 30.5,
    },
    "survey": {
        "kind": "survey",
        "event_id": "e1",
        "event_time": "2024-03-01T08:30:00Z",
        "customer_id": "c1",
        "producer": "forms",
        "survey_type": "nps",
        "score": 7,
        "causes": ["price", "distance"],
    },
    "intervention_outcome": {
        "kind": "intervention_outcome",
        "event_id": "e1",
        "event_time": "2024-03-01T08:30:00Z",
        "customer_id": "c1",
        "producer": "crm",
        "intervention_id": "i1",
        "status": "contacted",
        "agent_id": "a1",
        "channel": "phone",
        "cost": 12.5,
        "causes": ["price"],
    },
    "customer_profile": {
        "kind": "customer_profile",
        "event_id": "e1",
        "event_time": "2024-03-01T08:30:00Z",
        "customer_id": "c1",
        "producer": "crm",
        "scope": "pilot",
        "time_zone": "Asia/Shanghai",
        "consent": {"sms": True, "mail": False},
        "preferred_channel": "sms",
        "value": 1200,
        "agent_id": "a1",
    },
}
MARKS: list[Message] = [
    {"kind": "heartbeat", "event_time": "2024-03-01T08:30:00Z", "producer": "dms"},
    {"kind": "end", "event_time": "2024-03-01T08:30:00Z", "producer": "dms"},
]

TEXTS = st.one_of(
    st.text(max_size=5),
    st.sampled_from(
        ["", "c1", "é", "\x00", "a\nb", "\u200b", "\U0001f600", "x" * 128, "x" * 129, "x" * 256, "x" * 257]
    ),
)
NUMBERS = st.one_of(
    st.integers(-2, 101),
    st.floats(allow_nan=False),
    st.sampled_from([0, 1, 1.0, 2.0, 2.5, -0.0, 1e9, 1e9 + 1, 1e12, 1e13, 1e308, 2**53 + 1, 10**400, True, False]),
)
TIMES = st.sampled_from(
    [
        "2024-03-01T08:30:00Z",
        "2024-02-29T23:59:59.999999Z",
        "2023-02-29T00:00:00Z",
        "2024-03-01T08:30:00",
        "2024-03-01T08:30:60Z",
        "2024-03-01 08:30:00Z",
        "2024-03-01T08:30:00.123456789Z",
        "2024-03-01T08:30:00.Z",
        "2024-03-01T08:30:00+23:59",
        "2024-03-01T08:30:00+24:00",
        "2024-03-01T08:30:00-00:00",
        "2024-03-01T08:30:00+0800",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:00",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00+01:00",
        "2027-01-15T08:05:00Z",
        "2027-01-15T08:05:01Z",
        "٢٠٢٤-03-01T08:30:00Z",
        "",
    ]
)
STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS,
    TEXTS,
    TIMES,
    st.sampled_from(["csat", "nps", "purchase", "survey", "heartbeat", "end"]),
    st.lists(st.one_of(st.sampled_from(["price", "Price", ""]), st.none(), st.integers()), max_size=3),
    st.dictionaries(st.text(max_size=2), st.none(), max_size=1),
)


def good(kind: str, **changed: object) -> Message:
    """Returns a valid message with some fields changed."""
    return GOOD[kind] | changed


@st.composite
def messages(draw: st.DrawFn, kind: str) -> Message:
    """Draws a valid message of the kind with up to three fields changed, added or removed."""
    message = good(kind, event_id=draw(st.text("abc", min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from([*message, "unknown", "schema_version"]))
        if draw(st.booleans()):
            message[name] = draw(STRANGE)
        else:
            message.pop(name, None)
    return message
