"""The pure core: events and an instant in, facts out. The same code serves worker, replay, tests and benchmarks.

    merge         several sources of one partition -> whole ticks in event-time order, with their end positions
    schedule      which instants a partition has to stop at: sweeps, observations, labels
    engine        a tick's events into customers' rows; scores, crossings, observations, labels
    crossings     from scores to decisions: which are published, and about whom something is to be decided
    one           one of the scored customers: does a case open or rise, is a touch sent
    happenings    outcomes, profiles and retention events of customers who have a case
    desk          decisions become messages, cases and columns
    casebook      the cases of a partition, and when each has to be looked at again
    outbox        messages until they are in order
    blocks        observations and examples as they travel
    notes         what outcomes and profiles say beside their columns, while their rows wait in the merge
    feeds         what an engine may go on with: frontier, models, its own observations a horizon later
    common        feed and unit of what is one for all partitions: instants that every partition has reported
    learner_feed  the learner's: labelled examples, reports, commands
    rhythm        whether a source has fallen quiet against its own pauses
    units         what a worker owns: an engine with feed, position and changelog
    learner_unit  the learner
    dispatcher_unit  the dispatcher, with its feed

Nothing here reads a clock, a file or the network: time is an argument.
"""
