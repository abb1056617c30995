"""Signs of what happened to a customer of a shop, beside those of what did not (touches.py): each says since when, in
us, +inf where it is not there. How long a sign lasts is `touch_points.within`.
"""

from __future__ import annotations

import numpy as np

from features import newest
from features.aggregates import Last, Newest
from features.portable_math import Array
from features.signals import PURCHASES, RETAINED
from features.touch_signals import CARTS, COUPONS, LATE_DELIVERIES, REFUNDS
from features.view import View


def cart_not_paid(view: View, _counts_us: float) -> Array:
    """Since something was put into the cart and nothing was bought."""
    cart_us = view.get(Last(CARTS))
    paid_us = np.maximum(view.get(Last(PURCHASES)), view.get(Last(RETAINED)))
    return np.where(cart_us > paid_us, cart_us, np.inf)


def three_coupons(view: View, _counts_us: float) -> Array:
    """Since the third coupon from the end was claimed: within 30 days of it there are three in 30 days."""
    return _since(view.get(Newest(COUPONS, newest.KEPT - 1)))


def refund(view: View, _counts_us: float) -> Array:
    """Since the last refund was asked for."""
    return _since(view.get(Last(REFUNDS)))


def late_delivery(view: View, _counts_us: float) -> Array:
    """Since the last delivery was late."""
    return _since(view.get(Last(LATE_DELIVERIES)))


def _since(us: Array) -> Array:
    return np.where(us > -np.inf, us, np.inf)
