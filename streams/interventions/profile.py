"""A profile: every figure, threshold and text of the policy, from TOML, checked as a whole.

Durations are written as text (`90d`) and kept as microseconds: the key `label.horizon` is the attribute
`label.horizon_us`. Every key must be there but `time.tick`; an unknown one is an error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from schemas.errors import UsageError
from schemas.instants import WEEK_US, format_duration
from streams.interventions.overrides import Place, apply, entry_name, no_such_key, places
from streams.interventions.values import (
    Amount,
    Currency,
    Duration,
    Inside,
    Name,
    Period,
    RetentionEvents,
    Share,
    Text,
)

SHIPPED_IN = Path(__file__).parent / "profiles"
VERSION_DIGITS = 8


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=lambda name: name.removesuffix("_us")
    )


class Label(_Part):
    """When a customer counts as gone: no retention event in (t, t + horizon] after an observation at t."""

    horizon_us: Period
    lapsed_after_us: Period
    forgotten_after_us: Period
    retention_events: RetentionEvents


class Time(_Part):
    """The instants of the engine; no tick means the clock's own."""

    tick_us: Period | None = None
    sweep_every_us: Period
    observe: Literal["weekly"]
    max_skew_us: Duration
    quiet_factor: Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Model(_Part):
    """The learner: what it starts from and when it may open cases."""

    prior_probability: Inside
    min_labels: Annotated[int, Field(ge=1)]
    min_labels_of_a_class: Annotated[int, Field(ge=1)]
    least_auc: Annotated[float, Field(ge=0, le=1)]
    prior_precision: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    forget_a_week: Annotated[float, Field(gt=0, le=1)]


class Scores(_Part):
    """Which scores are published."""

    min_change: Share


class Window(_Part):
    """The share saved by a first contact up to `within` after the crossing, later than the window before."""

    within_us: Period
    saved: Annotated[float, Field(gt=0, le=1)]

    @property
    def name(self) -> str:
        """`7d`"""
        return format_duration(self.within_us)


class CaseRules(_Part):
    """When a case opens; see cases.py for the table."""

    threshold: Inside
    margin: Share
    cool_down_us: Duration
    least_tenure_us: Duration
    windows: Annotated[tuple[Window, ...], Field(strict=False, min_length=1)]

    @property
    def window_us(self) -> int:
        """How long a crossing is worth acting on: the first window."""
        return self.windows[0].within_us


class Tier(_Part):
    """What is done for probabilities above `above` and not above the next higher tier's."""

    name: Name
    above: Share
    who: Text
    channel: Text
    offer: Text
    script: Text
    budget: Amount
    expected_saved: Share


class Profile(_Part):
    """All of the policy. `tiers` go from the highest down; amounts are in `currency`."""

    name: Name
    currency: Currency
    customer_value: Amount
    label: Label
    time: Time
    model: Model
    scores: Scores
    case: CaseRules
    tiers: Annotated[tuple[Tier, ...], Field(strict=False, min_length=1)]

    @cached_property
    def version(self) -> str:
        """The name and a digest of the content; every message carries it, any change of a key changes it."""
        content = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return f"{self.name}-{sha256(content).hexdigest()[:VERSION_DIGITS]}"


def shipped() -> list[str]:
    """The names of the profiles that come with the package."""
    return sorted(path.stem for path in SHIPPED_IN.glob("*.toml"))


def load_profile(name_or_path: str, overrides: Sequence[str] = ()) -> Profile:
    """A shipped profile by its name, or a TOML file, with `KEY=VALUE` texts put over it.

    Raises UsageError that names the file, the keys and what came.
    """
    content = _read(name_or_path)
    known = places(Profile, content)
    apply(overrides, known)
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        raise _usage(name_or_path, [_say(e, content, known) for e in error.errors()]) from None
    wrong = [sentence for rule in RULES for sentence in rule(profile)]
    if wrong:
        raise _usage(name_or_path, wrong)
    return profile


def _usage(name_or_path: str, sentences: Sequence[str]) -> UsageError:
    return UsageError(f"profile {name_or_path}: {'; '.join(sentences)}")


def _read(name_or_path: str) -> dict[str, Any]:
    is_shipped = name_or_path in shipped()
    path = SHIPPED_IN / f"{name_or_path}.toml" if is_shipped else Path(name_or_path)
    try:
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        names = ", ".join(shipped())
        raise UsageError(
            f"profile {name_or_path}: cannot be read ({error.strerror}); give a TOML file or a shipped name: {names}"
        ) from None
    except UnicodeDecodeError as error:
        raise UsageError(f"profile {name_or_path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"profile {name_or_path}: not TOML: {error}") from None


def _say(error: ErrorDetails, content: dict[str, Any], known: dict[str, Place]) -> str:
    key = _dotted(error["loc"], content)
    if error["type"] == "extra_forbidden":
        return f"{key}: {no_such_key(key, known)}"
    if error["type"] == "missing":
        return f"{key}: missing; the shipped profiles have an example"
    message = error["msg"].replace("Input should be", "expected")
    return f"{key} = {error['input']!r}: {message}"


def _dotted(loc: Sequence[int | str], content: Any) -> str:
    """The key as `--set` takes it: entries of lists by their names."""
    parts = []
    for step in loc:
        inside = isinstance(content, dict) or (isinstance(step, int) and isinstance(content, list))
        content = content[step] if inside and (isinstance(step, int) or step in content) else None
        parts.append(entry_name(content, step) if isinstance(step, int) else step)
    return ".".join(parts)


def _tiers_fall(profile: Profile) -> Iterator[str]:
    for higher, lower in pairwise(profile.tiers):
        if lower.above >= higher.above:
            yield (
                f"tiers.{lower.name}.above = {lower.above} is not below "
                f"tiers.{higher.name}.above = {higher.above}: write the tiers from the highest down"
            )
    last = profile.tiers[-1]
    if last.above != 0:
        yield f"tiers.{last.name}.above = {last.above}: the last tier starts at 0, or somebody has none"


def _names_differ(profile: Profile) -> Iterator[str]:
    names = [tier.name for tier in profile.tiers]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"tiers.{name} is there {names.count(name)} times: give each tier its own name"


def _windows_follow(profile: Profile) -> Iterator[str]:
    for before, after in pairwise(profile.case.windows):
        key, other = f"case.windows.{after.name}", f"case.windows.{before.name}"
        if after.within_us <= before.within_us:
            yield f"{key}.within = {after.name} is not above {other}.within = {before.name}: shortest first"
        if after.saved > before.saved:
            yield f"{key}.saved = {after.saved} is above {other}.saved = {before.saved}: later saves no more"


def _margin_fits(profile: Profile) -> Iterator[str]:
    case = profile.case
    if case.margin >= case.threshold:
        yield f"case.margin = {case.margin} is not below case.threshold = {case.threshold}: nobody re-arms"


def _forgotten_last(profile: Profile) -> Iterator[str]:
    """Whoever is forgotten must be lapsed, and their last observation must have its label."""
    label = profile.label
    least_us = label.lapsed_after_us + label.horizon_us
    if label.forgotten_after_us < least_us:
        yield (
            f"label.forgotten_after = {format_duration(label.forgotten_after_us)} is below label.lapsed_after and "
            f"label.horizon together: give it at least {format_duration(least_us)}"
        )


def _ticks_fit(profile: Profile) -> Iterator[str]:
    """Sweeps, observations and labels must fall on the ends of ticks."""
    tick_us = profile.time.tick_us
    if tick_us is None:
        return
    for key, us in (
        ("time.sweep_every", profile.time.sweep_every_us),
        ("label.horizon", profile.label.horizon_us),
    ):
        if us % tick_us:
            yield f"{key} = {format_duration(us)} is not a multiple of time.tick = {format_duration(tick_us)}"
    if WEEK_US % tick_us:
        yield f"time.tick = {format_duration(tick_us)} does not divide the 7d of time.observe = weekly"


RULES: tuple[Callable[[Profile], Iterator[str]], ...] = (
    _tiers_fall, _names_differ, _windows_follow, _margin_fits, _forgotten_last, _ticks_fit,
)  # fmt: skip
