"""The effect of a contact: it may save a customer who is leaving, at the published rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xxhash

from schemas.instants import DAY_US
from streams.simulation.churn import SOLD, fading
from streams.simulation.customers import NEVER, Customers, Flags, Floats, Ints
from streams.simulation.rules import Rules

MASK = 2**64 - 1


@dataclass(frozen=True)
class Reaction:
    """The reaction to each contact. leaving: fading or gone, with a vehicle, not saved before; saved: will return;
    sold: has sold the vehicle.
    """

    leaving: Flags
    saved: Flags
    sold: Flags


def react(
    people: Customers,
    who: Ints,
    crossed_us: Ints,
    contacted_us: Ints,
    strategies: Sequence[str],
    day: int,
    seed: int,
    rules: Rules,
) -> Reaction:
    """Applies contacts on `day` with customers `who`, each once, about cases that opened at `crossed_us`, with their
    strategies.

    The draw depends on (seed, customer, crossing) alone, not on other calls, their order or number: a later call never
    saves a customer whom an earlier one would not.
    """
    leaving = can_be_saved(people)[who]
    luck, wait_days = _draws(who, crossed_us, seed, rules)
    effects = dict(rules.strategy_effects)
    effect = np.array([effects.get(strategy, 1.0) for strategy in strategies])
    saved = leaving & (luck < save_rate((contacted_us - crossed_us) / DAY_US, rules) * effect)
    back = who[saved]
    people.contacted_us[back] = contacted_us[saved]
    people.leave_day[back] = NEVER
    people.return_day[back] = np.minimum(people.return_day[back], day + wait_days[saved])
    return Reaction(leaving, saved, people.cause[who] == SOLD)


def save_rate(delay_days: Floats, rules: Rules) -> Floats:
    """Returns the share of leavers saved by a contact at this delay after the crossing; 0 past the last window."""
    rates: Floats = np.array([*rules.saved_share, 0.0])[np.searchsorted(rules.saved_within_days, delay_days)]
    return rates


def can_be_saved(people: Customers) -> Flags:
    """Returns who has decided to leave, or has left, and still has a vehicle."""
    gone = ~people.present & (people.left_us != 0)
    leaving: Flags = (fading(people) | gone) & (people.cause != SOLD) & (people.contacted_us == 0)
    return leaving


def _draws(who: Ints, crossed_us: Ints, seed: int, rules: Rules) -> tuple[Floats, Ints]:
    """Returns (n,) uniform numbers from 0 to 1, and days until the visit, from 1 on."""
    pairs = zip(who.tolist(), crossed_us.tolist(), strict=True)
    digests = [xxhash.xxh3_128_intdigest(f"{seed}|{customer}|{us}".encode()) for customer, us in pairs]
    luck = np.array([(digest & MASK) / 2.0**64 for digest in digests])
    wait = np.array([1 + (digest >> 64) % rules.saved_visit_most_days for digest in digests], np.int64)
    return luck, wait
