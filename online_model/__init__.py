"""How likely a customer is to leave, learned while the stream runs.

In come features at an instant and, a horizon later, what became of those customers; out go parameters.

    estimator   the classifier, a River estimator: logistic regression that keeps its second derivatives
    pipeline    the River pipeline of names to probability: scale, then classify
    judge       prequential metrics: each prediction judged by what it said at the time
    learner     an instant's labelled examples -> judge, learn, a snapshot; the prior until it is ready
    snapshot    the parameters as JSON: what travels, what is stored, what a score is made with; never code
    scorer      a snapshot compiled: rows of features -> probabilities and contributions, vectorised
"""
