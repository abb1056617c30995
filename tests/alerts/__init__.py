"""Faults against the rules of deploy/prometheus, with a real Prometheus that scrapes real workers on Apache Kafka.

    python -m tests.alerts

Each fault has a group, a worker and publishers of its own, and all happen at once. For each the rule that is meant for
it fires within its time, no other does, and what the run book says ends it. It takes twenty minutes.
"""
