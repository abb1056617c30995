"""What on-call, agents and model owners look at.

metrics   gauges and counters of the units that this process owns, in Prometheus' format
pages     /metrics, /healthz (does the worker make progress?), /readyz (are its units assigned and restored?)
cases     the work list behind `keepline cases`
models    the versions and commands behind `keepline models`
"""
