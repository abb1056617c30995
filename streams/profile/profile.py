"""A profile: all sections of the policy together, and its version.

A key without a default in its section is required; an unknown key is an error.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import Annotated

import orjson
from pydantic import Field

from streams.profile.case_sections import CaseRules, Goals, Remedy, SegmentOffer, Segments, Step, StopLoss, Tier
from streams.profile.console_sections import ConsoleRules
from streams.profile.contact_sections import Complaints, Gate, Limits, RollOut, Touches, TouchPoint
from streams.profile.learning_sections import Challenger, Drift, Label, Model, Promotion, Scores, Time
from streams.profile.money_sections import Economics
from streams.profile.section import Section
from streams.profile.strategy_sections import Exploration, Strategy
from streams.profile.values import AUTOMATED, Amount, Currency, Name, Text

VERSION_DIGITS = 8


class Profile(Section):
    """The policy. `tiers` go from the highest down; amounts are in `currency`; texts_zh: texts to their Chinese."""

    name: Name
    currency: Currency
    customer_value: Amount
    label: Label
    time: Time
    model: Model
    challengers: Annotated[tuple[Challenger, ...], Field(strict=False)] = ()
    promotion: Promotion
    drift: Drift
    scores: Scores
    case: CaseRules
    tiers: Annotated[tuple[Tier, ...], Field(strict=False, min_length=1)]
    steps: Annotated[tuple[Step, ...], Field(strict=False)] = ()
    remedies: Annotated[tuple[Remedy, ...], Field(strict=False)] = ()
    segments: Segments
    segment_offers: Annotated[tuple[SegmentOffer, ...], Field(strict=False)] = ()
    touches: Touches
    touch_points: Annotated[tuple[TouchPoint, ...], Field(strict=False)] = ()
    complaints: Complaints
    gate: Gate
    roll_out: RollOut
    stop_loss: StopLoss
    limits: Limits
    goals: Goals
    strategies: Annotated[tuple[Strategy, ...], Field(strict=False)] = ()
    exploration: Exploration = Exploration()
    economics: Economics = Economics()
    console: ConsoleRules = ConsoleRules()
    texts_zh: dict[Text, Text] = Field({})

    def chinese(self, text: str) -> str:
        """A text or a name of this profile in Chinese; as it is where `texts_zh` does not have it."""
        return self.texts_zh.get(text, text)

    def __hash__(self) -> int:
        return hash(self.version)  # a table of texts has none

    @cached_property
    def automated_tier(self) -> Tier | None:
        """The tier whose customers are touched as they enter it: that in which nobody acts; None: none is."""
        below = (tier for tier in self.tiers if tier.who == AUTOMATED and 0 < tier.above < self.case.threshold)
        return next(below, None) if self.touches.medium_tier else None

    @cached_property
    def version(self) -> str:
        """The name and a digest of the content: every message carries it, every changed value changes it; but not who
        may look at pages, which decides nothing.
        """
        content = orjson.dumps(self.model_dump(mode="json", exclude={"console"}), option=orjson.OPT_SORT_KEYS)
        return f"{self.name}-{sha256(content).hexdigest()[:VERSION_DIGITS]}"
