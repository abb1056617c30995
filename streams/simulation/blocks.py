"""The columns of one simulated day: a structured array per kind, in event-time order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

SERVICE_TYPES = ("maintenance", "repair", "inspection", "tyres", "bodywork", "cleaning")

VISIT = np.dtype(
    [
        ("time_us", "<i8"),
        ("customer", "<i8"),  # index, as in customer_id c0000000
        ("service", "i1"),  # index into SERVICE_TYPES
        ("store", "i2"),
        ("amount", "<f8"),  # CNY
        ("items", "<i4"),
        ("wait_minutes", "<i4"),
    ]
)
ACTIVITY = np.dtype(
    [
        ("time_us", "<i8"),
        ("customer", "<i8"),
        ("code", "i1"),  # index into schemas.columns.ACTIVITY_TYPES
        ("count", "<i4"),
        ("duration_seconds", "<i4"),  # -1: none
    ]
)
PROFILE = np.dtype(
    [
        ("time_us", "<i8"),
        ("customer", "<i8"),
        ("scope", "i1"),  # 1 to customer_profiles.SCOPES
        ("store", "i2"),
        ("adviser", "i2"),  # of the store
        ("consent", "u1"),  # bit i: customer_profiles.CHANNELS[i] is allowed
        ("preferred", "i1"),  # index into customer_profiles.CHANNELS, -1: none
        ("value", "<f8"),  # CNY
    ]
)
SURVEY = np.dtype(
    [
        ("time_us", "<i8"),
        ("customer", "<i8"),
        ("code", "i1"),  # index into schemas.columns.SURVEY_TYPES
        ("score", "<i4"),
        ("causes", "u1"),  # bit i: schemas.columns.CAUSES[i] was named
    ]
)
Rows = NDArray[np.void]


@dataclass(frozen=True)
class Block:
    """Day `day` (0 = the first) of the city."""

    day: int
    visits: Rows
    activity: Rows
    surveys: Rows
    profiles: Rows

    def __len__(self) -> int:
        """The number of customers' events, without profiles."""
        return len(self.visits) + len(self.activity) + len(self.surveys)


def rows_of(dtype: DTypeLike, **columns: object) -> Rows:
    """Returns rows of `dtype` from columns by name; all have the length of `time_us`, scalars are repeated."""
    rows: Rows = np.zeros(len(np.asarray(columns["time_us"])), dtype)
    for name, values in columns.items():
        rows[name] = values
    return rows


def in_order(parts: Iterable[Rows]) -> Rows:
    """Returns all rows of `parts` by event time; equal times keep the given order."""
    rows = np.concatenate(list(parts))
    return rows[np.argsort(rows["time_us"], kind="stable")]
