"""The pure core: events and an instant in, facts out. The same code serves worker, replay, tests and benchmarks.

    merge         several sources of one partition -> whole ticks in event-time order, with their end positions
    schedule      which instants a partition has to stop at: sweeps, observations, labels
    engine        a tick's events into customers' rows; scores, crossings, observations, labels
    crossings     from scores to messages: which are published, which cases open, which are withheld
    blocks        observations and examples as they travel
    notes         what outcomes and profiles say beside their columns, while their rows wait in the merge
    feeds         what an engine may go on with: frontier, models, its own observations a horizon later
    learner_feed  the same for the learner: grid instants that every partition has reported
    rhythm        whether a source has fallen quiet against its own pauses
    units         what a worker owns: an engine with feed, position and changelog
    learner_unit  the same of the learner

Nothing here reads a clock, a file or the network: time is an argument.
"""
