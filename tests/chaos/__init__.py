"""Random faults; the results are compared with a replay: `python -m tests.chaos --seed 1 --faults 100`. With `--live`
on a fast clock, judged by the visits in the topics.

proxy       between workers and broker: cuts the network, delays single EndTxn requests
supervisor  keeps workers running; kills, stops, adds and removes them, and restarts the broker
rollback    commands to the model in the middle of the run
outcomes    outcomes and profiles of an unreliable CRM
compare     committed records against the output of a replay of the same files
process     a worker with a short session that causes faults on signals

live        the live run: a group under faults, a calm one, and the figures
clock       the fast clock, and what of a worker it changes
publishers  shops that publish, and what may go wrong with them
reading     what the judge reads: topics, and where the partitions were meanwhile
judge       which cases are wrong, double or missing
"""
