"""What a replay learned, judged afterwards: how good its probabilities were, against what else could have been served.

In comes the folder of a replay, out go figures (`evaluation.json`) and a page. Each prediction is judged once, by the
probability that was served, after its horizon has passed; a rival learns from no label before Keepline could.

    rows        the observations of a replay, and which labels were known at which instant
    metrics     AUC, log loss, Brier score, calibration and lift of one set of predictions
    bootstrap   the same with customers drawn anew: intervals, and intervals of differences
    rivals      what needs no training: recency, RFM-B, the running base rate
    boosting    LightGBM, retrained every week (needs the package lightgbm)
    cases       how early before leaving cases were opened
    effect      what cases did, by comparison with the holdout
    segments    groups of customers that are looked at apart
    drift       how features and scores moved from month to month
    report      all of it put together
    page        the report as one HTML file; charts draws its pictures
"""
