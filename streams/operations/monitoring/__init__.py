"""How Keepline is watched by Prometheus and Grafana; `keepline monitoring export` writes what they read.

metric_list  every metric, once: name, type, labels, sentence. `operations/metrics.py` fills it, the rest reads it
rules        the alerts: an expression of clauses, how long, for whom, the run book
dashboards   the panels of Grafana
export       files in deploy/ of all of these, and whether those that are there are current
"""
