"""Live: how long a signal takes to become a message: from the stream time of the decision, the end of the tick (200 ms)
of the event or the sweep that brought it, to the commit that shows the message to its readers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from schemas.alerts import Alert, AlertKind
from schemas.instants import HOUR_US, SECOND_US, format_duration
from streams.cases.outbox import Facts
from streams.units.histogram import Histogram

BOUNDS_S = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)  # of the histogram
MOST_KEPT = 10_000  # messages of the last hour; of more the newest
LATE_SHARE = 0.05  # of the last hour's messages: more that are later than the goal raise an alert


class ResponseTimes:
    """Of interventions, touches and tasks. goal_us: `goals.response`; latest_us: `time.latest`, what was decided longer
    ago comes from history that was sent now, and is not counted.
    """

    def __init__(self, goal_us: int, latest_us: int) -> None:
        self.goal_us, self.latest_us = goal_us, latest_us
        self.decided_us: list[int] = []  # of messages that are not committed yet
        self.histogram = Histogram(BOUNDS_S)
        self._recent: deque[tuple[int, int]] = deque(maxlen=MOST_KEPT)  # committed at us, took us

    def take(self, facts: Facts) -> None:
        """Notes the messages of a checkpoint that begins."""
        self.decided_us = [at_us for part in (facts.interventions, facts.touches, facts.tasks) for at_us, _, _ in part]

    def committed(self, at_us: int) -> None:
        """The checkpoint has been committed."""
        for decided_us in self.decided_us:
            if (took_us := max(at_us - decided_us, 0)) > self.latest_us:
                continue
            self.histogram.add(took_us / SECOND_US)
            self._recent.append((at_us, took_us))
        self.decided_us = []

    def alerts(self, now_us: int) -> list[Alert]:
        """An alert while too many messages of the last hour were later than the goal."""
        recent = [took_us for at_us, took_us in list(self._recent) if at_us > now_us - HOUR_US]
        late = [took_us for took_us in recent if took_us > self.goal_us]
        return [self._alert(late, len(recent))] if len(late) > LATE_SHARE * len(recent) else []

    def _alert(self, late: Sequence[int], of: int) -> Alert:
        many, slowest_s = len(late), max(late) / SECOND_US
        text = (
            f"{many} of {of} messages of the last hour came later than {format_duration(self.goal_us)} after their "
            f"signal (goals.response), the slowest after {slowest_s:,.0f} s: look at keepline_lag_seconds and "
            "keepline_checkpoint_seconds"
        )
        return Alert(AlertKind.RESPONSE_SLOW, "response", text, {"late": many, "of": of, "slowest_s": slowest_s})
