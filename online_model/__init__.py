"""How likely a customer is to leave, learned while the stream runs.

In come features at an instant and, a horizon later, what became of those customers; out go parameters.

    estimator   logistic regression that keeps its second derivatives: a River classifier, and part of the next
    steps       an additive model of fine steps, boosted on
    memory      a fair sample of all examples so far; bins: what steps and hinges are made of
    mixture     the classifier, a River estimator: experts, pooled by what they said
    pool        how far each expert is trusted, and how sure all of them may be
    parameters  the mixture's parameters; packing: arrays as text
    functions   the parameters compiled: functions of single features, whose sum is a score, to the bit
    pipeline    the River pipeline of names to probability: scale, then classify
    judge       prequential metrics: each prediction judged by what it said at the time
    treatment   what was done to a customer before the label, and its weight because of it
    readiness   whether cases may be opened, by recent labels; why not
    examples    matured observations of an instant
    learner     an instant's labelled examples -> judge, learn, a snapshot
    contender   one of the models that learn: the champion, or a challenger in the shadow
    trials      challengers against the champion; promotion by the rule; betting: bounds that hold at any look
    registry    which version is served: commands
    drift       whether features, scores or losses have changed, and whose doing it is; adwin: of losses
    snapshot    the model in force as JSON: what travels, what is stored, what a score is made with; never code
    scorer      a snapshot for scoring: rows of features -> probabilities and contributions, vectorised
    reasons     contributions -> sentences
"""
