"""Labels of observations, a horizon later: who left, whose horizon was cut, how customers were treated meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.aggregates import Last, Layout
from features.portable_math import Array
from features.signals import KNOWN, RETAINED
from features.table import Slots, Table
from online_model.treatment import NO_LABEL, Codes, treatment_codes
from streams.cases.columns import ATTRIBUTES, CONTACTED, CUT, DRAWN, HELD, VALUE, WIDTH
from streams.engine import observations
from streams.profile.profile import Profile


class Labels:
    """Labels a block of observations from the state of its customers at the end of their horizon."""

    def __init__(self, profile: Profile, table: Table, layout: Layout) -> None:
        label = profile.label
        self._table = table
        self._last_retained, self._last_known = layout.column[Last(RETAINED)], layout.column[Last(KNOWN)]
        self._counts_us = profile.case.save_horizon_us + label.lapsed_after_us  # for so long a draw or contact counts

    def of(self, block: dict[str, Any], observed_us: int, silent: NDArray[np.bool_]) -> bytes:
        """Returns the labelled examples of a block observed at `observed_us`; stream time is the end of the horizon.
        silent: (customers,) whose producer is silent, so events may be on their way: they have no label, even if they
        came, since labels of those who came alone would make the share of leavings wrong.
        """
        slots = self._table.slots(block["customers"])
        left = self._table.rows[slots, self._last_retained] <= observed_us
        no_label = self._is_cut(slots, observed_us) | silent
        label = np.where(no_label, NO_LABEL, left).astype(np.uint8)
        return observations.labelled(block, label, *self._treatment(slots, observed_us))

    def _is_cut(self, slots: Slots, observed_us: int) -> NDArray[np.bool_]:
        """Whose horizon was cut by erasure or withdrawal. A customer who was erased before the observation, without an
        event since, has no label either.
        """
        rows = self._table.rows[slots]
        cut_us, attributes, value = (rows[:, column - WIDTH] for column in (CUT, ATTRIBUTES, VALUE))
        has_profile = (attributes > 0.0) | ~np.isnan(value)
        heard_us = np.where(has_profile, observed_us, np.minimum(rows[:, self._last_known], observed_us))
        cut: NDArray[np.bool_] = cut_us > heard_us
        return cut

    def _treatment(self, slots: Slots, observed_us: int) -> tuple[Codes, Array]:
        """The treatment of customers up to the end of the horizon, and the propensity of those who were left alone.

        A draw counts for the save horizon and `lapsed_after` together: so long a customer who stays silent after a
        contact is still observed, and among the silent ones those whom contacts brought back are missing.
        """
        since_us = observed_us - self._counts_us
        drawn, contacted = (self._table.rows[slots, column - WIDTH] > since_us for column in (DRAWN, CONTACTED))
        share = self._table.rows[slots, HELD - WIDTH]
        held_out = drawn & (share > 0.0)
        return treatment_codes(drawn, held_out, contacted), np.where(held_out, share, 1.0)
