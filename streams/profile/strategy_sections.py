"""Sections of a profile about strategies: what is tried against each other, and how cases are shared out among them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.events import Cause
from streams.profile.case_sections import SegmentName
from streams.profile.section import Positive, Section
from streams.profile.values import Amount, Channels, Name, Text, Texts


class Strategy(Section):
    """One of several ways to act in a case of these tiers; only what differs from the tier's action is given.

    Without `segments` it is for customers whose segment has no action of its own, without `causes` for those whose
    cause has no remedy. share: its part where `exploration.mode` is fixed.
    """

    name: Name
    tiers: Annotated[Texts, Field(min_length=1)]
    segments: Annotated[tuple[SegmentName, ...], Field(strict=False)] = ()
    causes: Annotated[tuple[Cause, ...], Field(strict=False)] = ()
    share: Positive = 1.0
    channels: Channels | None = None
    offer: Text | None = None
    script: Text | None = None
    budget: Amount | None = None


class Exploration(Section):
    """How cases are shared out. adaptive: by what closed cases say, anew at each grid instant; never below `floor`.
    salt: another one draws anew.
    """

    mode: Literal["fixed", "adaptive"] = "fixed"
    floor: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    salt: Text = "strategies-1"
