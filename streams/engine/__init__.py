"""The pure core: events and an instant in, facts out. The same code serves the worker, the replay, tests and
benchmarks.

    merge      several sources of one partition -> whole ticks in event-time order, with the positions they end at
    schedule   which instants a partition has to stop at: sweeps, observations, labels
    engine     a tick's events into customers' rows; scores, crossings, observations, labels
    delay      observations that wait for their horizon
    units      what a worker owns: the engine of a partition or the learner, with its feed, position and changelog
    replay     all of it in one process over files

Nothing here reads a clock, a file or the network: time is an argument.
"""
