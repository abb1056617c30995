"""What on-call sees of a worker.

metrics   gauges and counters of the units that this process owns, in Prometheus' format
pages     /metrics, /healthz (does it get on?), /readyz (is it restored and assigned?)
"""
