"""Evaluates a replay: how good its served probabilities were, against baselines on the same observations.

Input: the folder of a replay. Output: figures (`evaluation.json`) and a page. Each prediction is evaluated once, by
the served probability, after its horizon has passed; a baseline uses no label before Keepline could.

    observation_rows   the observations of a replay, and which labels were known at which instant
    metrics            AUC, log loss, Brier score, calibration and lift of one set of predictions
    over_time          these metrics by week, over the whole log and over its second half
    bootstrap          intervals of metrics and of their differences, by resampling customers and weeks
    baselines          baselines without training: recency, RFM-B, the running base rate
    lightgbm_baseline  LightGBM, retrained every week (needs the package lightgbm)
    comparison         Keepline against the baselines
    lead_time          how early before leaving cases were opened
    crossings          what was said where customers crossed, and what happened
    thresholds         what warnings would have been worth at other thresholds
    influence          what the last model makes of each feature
    due_dates          leavings by own due dates: how many had a warning in time
    effect             the effect of cases, by comparison with the holdout
    targets            the goals of the profile against what was measured
    segments           metrics of groups of customers
    drift              drift of features and scores from month to month
    report             all figures in one record
    page, tables       the report as one HTML file; charts draws its pictures
"""
