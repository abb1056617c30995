"""Customer profiles as the dealers' systems have them: scope, adviser, lifetime value and consents.

They have a random generator of their own, so that the other events are the same with and without profiles.
"""

from __future__ import annotations

import numpy as np

from schemas.instants import DAY_US, HOUR_US, SECOND_US
from streams.simulation.blocks import PROFILE, Rows, rows_of
from streams.simulation.customers import NEVER, Customers, Flags, Ints
from streams.simulation.rules import Rules

CHANNELS = ("app", "sms", "wechat", "mail", "phone", "visit")
APP, PHONE = CHANNELS.index("app"), CHANNELS.index("phone")
SCOPES = 5  # of the published roll-out: one city, then five
WEST = 5  # the scope with a time zone of its own
BITS = 1 << np.arange(len(CHANNELS))
SPEND_SIGMA = 0.35  # as customers.create_customers draws it


class CustomerProfiles:
    """The profile of each customer. consent: (customers, channels)."""

    def __init__(self, people: Customers, rules: Rules, rng: np.random.Generator) -> None:
        n = len(people)
        self.store, self.scope = people.store, 1 + people.store * SCOPES // rules.stores
        self.adviser = rng.integers(0, rules.advisers_a_store, n)
        self.consent: Flags = rng.random((n, len(CHANNELS))) < rules.consent_shares
        self.consent[people.sessions_a_day == 0, APP] = False
        self._taste = rng.random((n, len(CHANNELS)))
        spread = rules.value_sigma**2 + SPEND_SIGMA**2
        noise = np.exp(
            rng.normal(0, rules.value_sigma, n) - spread / 2
        )  # the published value is the mean, not the median
        self.value = np.round(rules.value_mean * people.spend * noise, 2)
        withdraws = rng.random(n) < rules.withdrawing_share
        self.withdraw_day = np.where(withdraws, rng.integers(1, rules.newcomers_over_days, n), NEVER)
        self._keeps_phone = rng.random(n) < 0.5  # the other withdrawals cover every channel

    def written(self, people: Customers, day: int, day_us: int) -> Rows:
        """Returns the profiles of a day: of all customers on the first, of newcomers as they join, of withdrawals."""
        known = people.joined_us != 0
        withdrawn = np.flatnonzero(known & (self.withdraw_day == day))
        self._withdraw(withdrawn)
        new = np.flatnonzero(known & ((people.joined_us >= day_us) | (day == 0)))
        joined_us = np.maximum(people.joined_us[new], day_us + SECOND_US)
        late_us = np.full(len(withdrawn), day_us + DAY_US - HOUR_US)
        return np.concatenate([self._entries(new, joined_us), self._entries(withdrawn, late_us)])

    def _withdraw(self, who: Ints) -> None:
        kept = self.consent[who, PHONE] & self._keeps_phone[who]
        self.consent[who] = False
        self.consent[who, PHONE] = kept

    def _entries(self, who: Ints, times_us: Ints) -> Rows:
        consent = self.consent[who]
        preferred = np.argmax(np.where(consent, self._taste[who], -1.0), axis=1)
        return rows_of(
            PROFILE,
            time_us=times_us,
            customer=who,
            scope=self.scope[who],
            store=self.store[who],
            adviser=self.adviser[who],
            consent=consent @ BITS,
            preferred=np.where(consent.any(axis=1), preferred, -1),
            value=self.value[who],
        )
