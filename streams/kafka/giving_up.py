"""A unit that cannot go on is given up with its reason; it is tried again after a pause, and the other units go on."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka.errors import InvalidProducerEpoch, KafkaConnectionError, ProducerFenced

from schemas.errors import Failure
from streams.kafka.access import DENIED, denied
from streams.kafka.settings import Settings

FIRST_PAUSE_S, MOST_PAUSE_S = 1.0, 60.0
STEADY_S = 60.0  # a unit that has worked for so long begins again with the first pause
REASON_BYTES = 2_400  # room for an access rule that names every topic; offsets' metadata have 4,096


class Unfit(Failure):
    """This process may own no unit at all."""


class Fenced(RuntimeError):
    """Another worker has become the owner."""


@dataclass(frozen=True)
class GivenUp:
    """A unit that was given up; instants are monotonic seconds. pause_s: until it is tried again."""

    unit: str
    reason: str
    at: float
    pause_s: float

    @property
    def again_at(self) -> float:
        """When it is tried again."""
        return self.at + self.pause_s

    def is_over(self, now: float) -> bool:
        """Whether the unit has worked for so long that this is past."""
        return now > self.again_at + STEADY_S

    def __str__(self) -> str:
        return f"{self.unit} was given up, and is tried again every {self.pause_s:.0f} s: {self.reason}"


def give_up(settings: Settings, unit: str, error: BaseException, before: GivenUp | None, now: float) -> GivenUp:
    """Returns the record of a unit that is given up now. before: that of the last time.

    Who was fenced waits for longest, or for the next assignment: two workers that take a unit from each other in turn
    would both stand still.
    """
    pause_s = min(2 * before.pause_s, MOST_PAUSE_S) if before and not before.is_over(now) else FIRST_PAUSE_S
    return GivenUp(unit, reason(settings, error), now, MOST_PAUSE_S if is_fenced(error) else pause_s)


def is_fenced(error: BaseException) -> bool:
    """Whether another producer has the transactional id."""
    return isinstance(error, (Fenced, ProducerFenced, InvalidProducerEpoch))


def reason(settings: Settings, error: BaseException) -> str:
    """Returns the reason as one sentence."""
    return _sentence(settings, error).encode()[:REASON_BYTES].decode(errors="ignore")


def _sentence(settings: Settings, error: BaseException) -> str:
    if is_fenced(error):
        return "another worker has become its owner"
    if type(error) in DENIED:
        return denied(settings, error, "Write")
    name, text = type(error).__name__, str(error)
    if isinstance(error, KafkaConnectionError) and "bootstrap" in text:  # it shows the insides of each address
        return f"no broker answers at {', '.join(settings.brokers)}"
    if not isinstance(error, Failure) and name not in text:  # errors of aiokafka name themselves
        text = f"{name}: {text}".removesuffix(": ")
    return text
