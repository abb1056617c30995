"""The application: events of customers come in; scores, and interventions for the CRM, go out.

    inputs         merges the sources of a partition into whole ticks, by event time
    profile        the policy profile: every figure, threshold and text, from TOML
    interventions  rules about one customer or case: opening, gate, action, touch, life of a case
    cases          the rules applied to the customers of a partition: from scores to messages
    engine         the state of a partition: ticks, sweeps, observations, labels
    units          engine, learner and dispatcher with feed, position and changelog: what a worker owns
    files          logs in files, and the folder of a replay
    simulation     a synthetic city: customers, visits, churn, a CRM
    page           HTML and SVG of reports
    replay         the units over files, in one process
    kafka          the edge: Faust app, transport, leases and transactions, topics
    operations     metrics, pages, and views of cases and models in the terminal
    evaluation     how good a replay's scores were, against baselines
    demo           the five-minute tour
    cli            one module a command

From inputs to units all is pure: no clock, no file, no network; time is an argument. Imports point one way:
schemas <- features <- online_model <- streams, and within streams up this list; import-linter holds the order.
"""
