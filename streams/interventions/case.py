"""What is kept of a case."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from streams.interventions.case_states import LIVE, State


@dataclass
class Case:
    """Everything that is kept of a case; times in us, None: has not happened."""

    intervention_id: str
    state: State
    crossed_us: int
    sent_us: int  # when it was sent, or withheld for the holdout
    tier: str
    channel: str
    scope: str | None
    budget: float
    channels: list[str] = field(default_factory=list)  # that the action may use
    contacted_us: int | None = None
    returned_us: int | None = None  # first retention event after the crossing
    saved_us: int | None = None  # the one that saved
    again_us: int | None = None  # the second one after the crossing
    ended_us: int | None = None
    claim: str | None = None
    agent_id: str | None = None
    cost: float = 0.0
    fired: list[str] = field(default_factory=list)  # deadlines that have passed
    later: dict[str, int] = field(default_factory=dict)  # steps that wait, and until when
    policy: str = ""  # the version that the message carried

    @property
    def is_live(self) -> bool:
        """Not ended yet."""
        return self.state in LIVE

    @property
    def holdout(self) -> bool:
        """Whether nobody was told of it."""
        return self.channel == ""

    def state_of(self) -> dict[str, Any]:
        """For the checkpoint."""
        return asdict(self)

    @staticmethod
    def load(body: dict[str, Any]) -> Case:
        """What `state_of` gave."""
        return Case(**body | {"state": State(body["state"])})
