"""The engine: the state of one partition. Rows of whole ticks and an instant come in, messages and observations go out.

    engine          steps from stop to stop: applies events, sweeps, observes, fires deadlines
    ticks           applies events tick by tick; scores each customer at the end of the tick
    scoring         scores customers by the model in force and hands them to the crossings
    pending         pending crossings and their retries
    lifespans       which customers are known, active, silent or forgotten
    observations    observations, labelled examples, marks and candidates as JSON
    labels          label, treatment and propensity of observations, a horizon later
    cohorts         who of the customers observed at a grid instant has come back
    reports         what a partition reports to the learner at a grid instant; reports add up
    quality         missing values by producer
    hearing         which producers speak for which customers, and whose silence is believed (live only)

The same code serves worker, replay, tests and benchmarks. When the engine stops is decided in inputs/schedule, what a
case does in interventions, what a feature is in features/catalogue.
"""
