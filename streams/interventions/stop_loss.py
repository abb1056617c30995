"""The stop-loss: no case opens while too small a share of the judged cases of a policy version was saved.

A case is judged once, as saved or lost, when the save horizon has passed since its first contact: earlier, quick saves
would bias the share upwards. Cases without a contact (holdout, expired, withdrawn) are not judged. A case counts for
the policy version of its message; a new version starts from zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.alerts import Alert, AlertKind
from streams.interventions.case import Case
from streams.interventions.case_states import State
from streams.profile.profile import Profile

Judged = dict[str, tuple[int, int]]  # policy version -> (judged cases, saved ones of them)


def judged(case: Case) -> Judged:
    """Returns the counts of one judged case."""
    return {case.policy: (1, int(case.state is State.SAVED))}


def added(left: Mapping[str, Sequence[int]], right: Mapping[str, Sequence[int]]) -> Judged:
    """Returns the sum of the counts of two partitions or two periods."""
    found = {}
    for version in sorted({*left, *right}):
        (cases, saved), (more, more_saved) = left.get(version, (0, 0)), right.get(version, (0, 0))
        found[version] = cases + more, saved + more_saved
    return found


def is_held(profile: Profile, counts: Mapping[str, Sequence[int]]) -> bool:
    """Whether so few cases of the profile's version were saved that no case opens."""
    cases, saved = counts.get(profile.version, (0, 0))
    return cases >= profile.stop_loss.least_judged and saved / cases < profile.stop_loss.least_saved


def alert(profile: Profile, counts: Mapping[str, Sequence[int]], waiting: int) -> Alert:
    """Returns the alert while the stop-loss holds. waiting: crossings for which no case opens."""
    cases, saved = counts[profile.version]
    least = profile.stop_loss.least_saved
    text = (
        f"stop-loss: {saved} of {cases} judged cases of {profile.version} were saved, below {least:.0%}: no case "
        f"opens; {waiting} crossings wait"
    )
    return Alert(AlertKind.STOP_LOSS, profile.version, text, {"judged": cases, "saved": saved, "waiting": waiting})
