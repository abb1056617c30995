"""Faults at random, results compared with a calm replay: `python -m tests.chaos --seed 1 --faults 100`.

proxy       stands between workers and broker: cuts the network, holds single EndTxn requests back and lets them
            through late
supervisor  keeps workers running; kills, stops, adds and removes them, and the broker
rollback    commands to the model that workers and replay obey in the middle
compare     what was committed against what the replay of the same files says
process     a worker with a short session
"""
