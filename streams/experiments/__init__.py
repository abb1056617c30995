"""What an experiment on cases says: pure statistics on closed cases, any number of experiments side by side.

In come closed cases with the probabilities with which their arms were drawn; out go estimates with intervals that hold
at every look. Leading dimensions `(...)` are experiments that do not know of each other: one in a report, a thousand in
a benchmark.

    intervals     confidence sequences: asymptotic ones of a mean, exact ones of a share
    arm_models    what is expected of a case in an arm, by its churn probability, from the cases closed before
    lift          two arms compared by inverse-probability scores
    sample_ratio  whether the split is the one that was asked for
    fatigue       whether an arm loses its lift against the others of the same weeks
    weights       adaptive shares of the arms, from closed cases alone
    leaks         held-out customers who were contacted all the same
    policy_value  what a policy that was not run would have given
    credit        the share of each adviser in what was measured

A case counts once, when its window has closed, which is as long after its crossing in every arm. So the scores of all
arms become known in one instant, however early a customer returns, and the differences of scores are a martingale in
the order of the crossings. (Counted when they happen, outcomes would not be one: Lindon and Kallus 2026,
arXiv:2603.25971.)
"""
