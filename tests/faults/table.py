"""The verdict on each fault, and the table in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.kinds import Fault
from tests.faults.watch import PLACES, Seen

MOST_CHARACTERS = 160


@dataclass(frozen=True)
class Result:
    """What was told about a fault. lasted_s: from its beginning to its end; well_s: from its end until all was well,
    None: that did not come; left: the problems that stay on purpose or in spite of it.
    """

    fault: Fault
    seen: Sequence[Seen]
    lasted_s: float
    well_s: float | None
    status_s: float
    left: Sequence[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        """What must not be: nothing tells of the fault, it does not heal, nobody says what to do."""
        texts = [one.text for one in self.seen]
        found = []
        if not any(re.search(self.fault.told, text) for text in texts):
            found.append(f"nothing tells of it: /{self.fault.told}/ is in none of {len(texts)} texts")
        if self.fault.todo and not any(re.search(self.fault.todo, text) for text in texts):
            found.append(f"nothing says what to do: /{self.fault.todo}/")
        if self.well_s is None:
            found.append(f"it does not heal by itself: {'; '.join(self.left) or 'see the log'}")
        return found


def table(results: Sequence[Result]) -> str:
    """Returns the table: what each place told first, and where another text names the cause, that one, too."""
    head = ["fault (lasted)", "`keepline status`", "`/healthz`", "`/readyz`", "`/metrics`", "log", "recovered after"]
    lines = [head, ["---"] * len(head)]
    for one in results:
        cells = [cell(one, place) for place in PLACES]
        well = f"{one.well_s:.0f} s" if one.well_s is not None else "**never**"
        lines.append([f"{one.fault.title} ({one.lasted_s:.0f} s)", *cells, well])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(result: Result, place: str) -> str:
    """Returns the texts of one place."""
    seen = [one for one in result.seen if one.place == place]
    if place == "metrics":
        return "<br>".join(_metrics(seen)) or "-"
    chosen = seen[:1]
    told = [one for one in seen if re.search(result.fault.told, one.text)]
    if told and told[0] not in chosen:
        chosen.append(told[0])
    return "<br>".join(f"{one.after_s:.0f} s: {_short(one.text)}" for one in chosen) or "-"


def _metrics(seen: Sequence[Seen]) -> list[str]:
    """One line for each metric: the labels of the first."""
    first: dict[str, Seen] = {}
    for one in seen:
        first.setdefault(re.split(r"[{ ]", one.text)[0], one)
    return [f"{one.after_s:.0f} s: {one.text}" for one in first.values()]


def _short(text: str) -> str:
    text = text.replace("|", "\\|")
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3].rsplit(" ", 1)[0] + " ..."
