"""Leaks: held-out customers whom somebody contacted all the same. The draw stays what counts; the correction says what
the lift would be if nobody had.

As assigned, the lift is that of being sent a case. If contacts do the work, the lift of a contact is the lift as
assigned over the difference of the contacted shares of both arms (Angrist, Imbens and Rubin 1996).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeakCorrection:
    """Contacted shares of both arms, and the lift without leaks; None: the leaks leave nothing to compare."""

    contacted: float
    contacted_holdout: float
    value: float | None
    low: float | None
    high: float | None


def corrected(lift: tuple[float, float, float], contacted: float, contacted_holdout: float) -> LeakCorrection:
    """Returns the lift that no leak had diluted. lift: value, low, high as assigned; shares of contacted cases."""
    if contacted <= contacted_holdout:
        return LeakCorrection(contacted, contacted_holdout, None, None, None)
    scale = contacted / (contacted - contacted_holdout)
    return LeakCorrection(contacted, contacted_holdout, *(scale * bound for bound in lift))
