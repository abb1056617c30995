"""The churn model: learned on the stream from labelled examples, and compiled for scoring.

Input of learning: the labelled examples of an instant (features, served probability, log-odds of the experts, label,
treatment), a horizon after it. Output: a `Snapshot`, the model in force. Input of scoring: a snapshot and a matrix of
features. Output: probabilities, contributions and reasons. No Kafka, no clock, no file.

Learning, by the learner unit:
    instant_sample        of a large company a sample is observed and learned
    examples              labelled examples: matured observations of an instant
    treatment             what was done to a customer before the label, and the label's weight because of it
    learner               examples -> metrics, learning, promotion -> snapshot
    early_returns         what cohorts without labels already show: the level of an instant, and the rate before labels
    variant               a model variant: the champion, or a challenger in the shadow
    prequential           prequential metrics: AUC, log loss, calibration of served probabilities
    readiness             whether cases may be opened, by recent labels, and why not
    river_challengers     classifiers of River, judged beside the variants and never served
    river_estimators      which ones a profile may name, and how its text is read
    promotion             challengers against the champion, and the rule of promotion
    confidence_sequences  bounds of a mean that hold at any stopping time
    registry              which version is served: commands for rollback and promotion
    drift                 drift of features, scores and losses, with its cause
    adwin                 the change detector of the losses

The classifier, a River estimator:
    mixture               the mixture of experts
    expert_weights        the weights of the experts, and the calibration of their mix
    estimator             the expert `hinges` and the prior: Bayesian logistic regression, a River estimator too
    boosted_steps         the expert `steps`: an additive model of step functions
    reservoir             a uniform sample of all examples, on which the steps are fitted
    bins                  the bins of a scaled value, for steps and hinges
    parameters            the parameters of the mixture
    pipeline              a snapshot as a River pipeline: names -> scale -> classify

Scoring, by the engine:
    snapshot              the model in force as JSON: sent, stored and scored with; never code
    additive_functions    the compiled parameters: functions of single features, whose sum is exact
    scorer                features -> probabilities and contributions, vectorised
    reasons               contributions -> sentences
    array_codec           arrays as text, without loss of a bit

To change an expert: its module and `mixture`. To add an expert: also `parameters.EXPERTS`, `expert_weights.BEGIN` and
`additive_functions.experts`. To change when cases are held: `readiness`. To change when a challenger takes over:
`promotion`. To change what a contact does to a label: `treatment`. The state of a release must load in the next: what
`dumps`, `state` and `packed` write has a format number in `learner` and `snapshot`.
"""
