"""The stop-loss: of the cases of a policy version that were judged, how many were saved.

A case is judged once, when the save horizon has passed since its first contact: as saved if it ended so, as lost if it
ended so. So the quick saves of young cases do not flatter the share: of every case the whole span has been seen. What
nobody was told of (the holdout) or nobody was in contact about (expired, withdrawn) is not judged. Cases count for the
policy version that their message carried, and all of that version count: a new one starts from nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streams.interventions.case import Case
from streams.interventions.case_states import State
from streams.profile.profile import Profile

Judged = dict[str, tuple[int, int]]  # policy version -> judged cases, and those of them that were saved


def judged(case: Case) -> Judged:
    """The count of a case that has been judged."""
    return {case.policy: (1, int(case.state is State.SAVED))}


def added(left: Mapping[str, Sequence[int]], right: Mapping[str, Sequence[int]]) -> Judged:
    """Counts of two partitions, or of two spans of time, as one."""
    found = {}
    for version in sorted({*left, *right}):
        (cases, saved), (more, more_saved) = left.get(version, (0, 0)), right.get(version, (0, 0))
        found[version] = cases + more, saved + more_saved
    return found


def is_held(profile: Profile, counts: Mapping[str, Sequence[int]]) -> bool:
    """Whether so few were saved under the profile's version that no case opens."""
    cases, saved = counts.get(profile.version, (0, 0))
    return cases >= profile.stop_loss.least_judged and saved / cases < profile.stop_loss.least_saved


def alert(profile: Profile, counts: Mapping[str, Sequence[int]]) -> str:
    """What on-call must know while it holds."""
    cases, saved = counts[profile.version]
    least = profile.stop_loss.least_saved
    return f"stop-loss: {saved} of {cases} judged cases of {profile.version} were saved, below {least:.0%}"
