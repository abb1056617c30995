"""The sources of units: short names of topics, and the keys of a position."""

from __future__ import annotations

from schemas.errors import Failure
from schemas.events import TOPIC_OF_KIND

INPUTS = {topic: kind for kind, topic in TOPIC_OF_KIND.items()}
SIGNALS = TOPIC_OF_KIND["market_signal"]
REFUSED = "refused in "  # prefix of a source in a position: its refused records before this offset have been sent
MODELS, OBSERVATIONS, LABELLED = "models", "observations", "labelled-examples"
CANDIDATES, DISPATCHES = "candidates", "dispatches"
STATE = "state"  # the changelog of an engine
OWN = (MODELS, OBSERVATIONS, DISPATCHES)  # sources of a partition without events


def need_whole(source: str, clock: str) -> None:
    """Raises Failure in event time, where every instant waits for all records of units' own topics."""
    if clock == "event":
        raise Failure(
            f"the topic {source} was deleted and made again: in event time a unit needs the records that it held; copy "
            "the history into new topics with `keepline repartition --to N PREFIX`"
        )


def is_event_source(source: str) -> bool:
    """Whether a key of a position names a source of events."""
    return source not in OWN and not source.startswith(REFUSED)
