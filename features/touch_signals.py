"""What is kept of a customer for touch points alone, beside what the features use: no model sees it."""

from __future__ import annotations

from features import newest
from features.aggregates import Aggregate, Last, Newest
from features.signals import activity

CARTS, COUPONS = activity("add_to_cart"), activity("coupon_claimed")
REFUNDS, LATE_DELIVERIES = activity("refund_requested"), activity("delivery_late")

KEPT_FOR_TOUCHES: tuple[Aggregate, ...] = (
    *(Last(signal) for signal in (CARTS, REFUNDS, LATE_DELIVERIES)),
    *(Newest(COUPONS, rank) for rank in range(newest.KEPT)),
)
