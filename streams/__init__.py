"""Everything that moves: events to the engine, decisions to the CRM.

    engine         the pure core: merge of the inputs, ticks, sweeps, observations, labels; no Kafka, no clock, no file
    interventions  what a crossing of the threshold leads to: cases, tiers, actions; all figures from a profile
    files          logs read from files, a replay's folder written
    kafka          the edge: Faust app, transport, leases and transactions, topics
    simulation     a pilot city to try it on
    operations     what on-call sees
    cli            one module a command
    demo           the five-minute tour

Imports point one way: schemas <- features <- online_model <- streams.
"""
