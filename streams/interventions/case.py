"""The fields of a case."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from streams.interventions.case_states import LIVE, State


@dataclass
class Case:
    """A case, as it is stored; times in us, None: has not happened."""

    intervention_id: str
    state: State
    crossed_us: int
    sent_us: int  # when it was sent, or withheld for the holdout
    tier: str
    channel: str
    scope: str | None
    budget: float
    channels: list[str] = field(default_factory=list)  # all that the action may use
    contacted_us: int | None = None
    returned_us: int | None = None  # first retention event after the crossing
    saved_us: int | None = None  # the retention event that saved the case
    again_us: int | None = None  # second retention event after the crossing
    ended_us: int | None = None
    claim: str | None = None
    agent_id: str | None = None  # of `who`: the customer's own agent, or the one who has reported last
    cost: float = 0.0
    fired: list[str] = field(default_factory=list)  # deadlines that have passed
    later: dict[str, int] = field(default_factory=dict)  # postponed steps, and until when
    policy: str = ""  # the policy version of the message
    who: str = ""  # the role that has the case; of the holdout: that would have had it
    strategy: str | None = None
    strategy_propensity: float | None = None
    opened_tier: str = ""  # when it opened; "": a case of the release before
    asked_us: int | None = None  # when an upgrade asked for a contact anew

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in LIVE

    @property
    def holdout(self) -> bool:
        """Whether it belongs to the holdout: no message was sent."""
        return self.channel == ""

    def state_of(self) -> dict[str, Any]:
        """Returns what `load` takes."""
        return asdict(self)

    @staticmethod
    def load(body: dict[str, Any]) -> Case:
        """Restores what `state_of` returned."""
        return Case(**body | {"state": State(body["state"])})
