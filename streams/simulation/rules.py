"""All parameters of the simulation in one frozen record; the manifest has a copy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """Rates are per day unless the name says otherwise; satisfaction is in the city's standard deviations."""

    # customers
    newcomers_share: float = 0.25
    newcomers_over_days: int = 730
    tenure_before_days: int = 1_800
    gap_median_days: float = 92.0
    gap_sigma: float = 0.3
    gap_least_days: float = 45.0
    gap_most_days: float = 150.0
    gap_shape: float = 4.5
    distance_median_km: float = 8.0
    distance_sigma: float = 0.6
    without_app_share: float = 0.12
    sessions_median: float = 0.034
    sessions_sigma: float = 0.7
    stores: int = 12
    other_store_share: float = 0.1

    # satisfaction
    calming_days: float = 150.0
    mood_noise: float = 0.03
    wait_mean_minutes: float = 35.0
    wait_weight: float = 0.006
    price_weight: float = 0.3
    visit_noise: float = 0.25
    bad_repair_share: float = 0.05
    bad_repair_shock: float = 1.2
    open_complaint_drift: float = 0.012
    resolved_relief: float = 0.6

    # leaving
    monthly_hazard: float = 0.007
    satisfaction_weight: float = 1.4
    distance_weight: float = 0.3
    price_sensitivity_weight: float = 0.3
    open_complaint_weight: float = 0.9
    vehicle_sold_monthly: float = 0.0025
    with_signs_share: float = 0.7
    fading_least_days: int = 45
    fading_most_days: int = 210
    fading_use_factor: float = 0.97
    fading_visit_speed: float = 0.6
    fading_drift: float = 0.016
    fading_complaint: float = 0.006
    left_use_drop: float = 0.25
    left_use_factor: float = 0.985
    return_share: float = 1 / 3
    return_least_days: int = 120
    return_most_days: int = 420

    # effect of a contact on a leaving customer: published share saved, by days from the crossing to the contact
    saved_within_days: tuple[int, ...] = (7, 14, 21, 30)
    saved_share: tuple[float, ...] = (0.62, 0.55, 0.38, 0.22)
    saved_visit_most_days: int = 30
    strategy_effects: tuple[tuple[str, float], ...] = ()  # strategy -> factor on the share saved; of others it is 1

    # customer profiles
    value_mean: float = 4_000.0  # CNY, remaining lifetime value as published
    value_sigma: float = 0.35
    advisers_a_store: int = 3
    consent_shares: tuple[float, ...] = (0.9, 0.75, 0.8, 0.6, 0.85, 0.7)  # of customer_profiles.CHANNELS
    withdrawing_share: float = 0.04  # customers who withdraw some or all consents in the first two years

    # lulls: customers who are less active for a while and do not leave
    lull: float = 0.0015
    lull_least_days: int = 20
    lull_most_days: int = 75
    lull_speed: float = 0.35

    # complaints and surveys
    complaint_after_visit: float = 0.02
    never_resolved_share: float = 0.3
    resolved_mean_days: float = 12.0
    survey_share: float = 0.42
    nps_share: float = 0.3

    # the calendar
    season: float = 0.15
    weekend: float = 1.35
    extra_steps_mean: float = 1.9
    mood_weight: float = 0.35
