"""What a contact does to a customer: it may bring back one who is leaving, by the published save rates."""

from __future__ import annotations

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
    """Of each contact. leaving: on the way out or gone, with a vehicle, not called back yet; saved: will come; sold:
    the vehicle is, and with it the customer.
    """

    leaving: Flags
    saved: Flags
    sold: Flags


def react(
    people: Customers, who: Ints, crossed_us: Ints, contacted_us: Ints, day: int, seed: int, rules: Rules
) -> Reaction:
    """Contacts on `day` of customers `who`, no one twice, about cases that opened at `crossed_us`.

    The draw belongs to (seed, customer, crossing), so it does not matter who else is called, in which order, or how
    often: a later call never saves whom an earlier one would not.
    """
    leaving = can_be_saved(people)[who]
    luck, wait_days = _draws(who, crossed_us, seed, rules)
    saved = leaving & (luck < save_rate((contacted_us - crossed_us) / DAY_US, rules))
    back = who[saved]
    people.contacted_us[back] = contacted_us[saved]
    people.leave_day[back] = NEVER
    people.return_day[back] = np.minimum(people.return_day[back], day + wait_days[saved])
    return Reaction(leaving, saved, people.cause[who] == SOLD)


def save_rate(delay_days: Floats, rules: Rules) -> Floats:
    """The share of leavers whom a contact saves so long after the crossing; past the last window none."""
    rates: Floats = np.array([*rules.saved_share, 0.0])[np.searchsorted(rules.saved_within_days, delay_days)]
    return rates


def can_be_saved(people: Customers) -> Flags:
    """Who has decided to leave, or has left, and could still change their mind: nobody without a vehicle."""
    gone = ~people.present & (people.left_us != 0)
    leaving: Flags = (fading(people) | gone) & (people.cause != SOLD) & (people.contacted_us == 0)
    return leaving


def _draws(who: Ints, crossed_us: Ints, seed: int, rules: Rules) -> tuple[Floats, Ints]:
    """(n,) numbers from 0 to 1, and days until the visit, from 1 on."""
    pairs = zip(who.tolist(), crossed_us.tolist(), strict=True)
    digests = [xxhash.xxh3_128_intdigest(f"{seed}|{customer}|{us}".encode()) for customer, us in pairs]
    luck = np.array([(digest & MASK) / 2.0**64 for digest in digests])
    wait = np.array([1 + (digest >> 64) % rules.saved_visit_most_days for digest in digests], np.int64)
    return luck, wait
