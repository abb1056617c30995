"""What may be applied, and up to when: the sources of one partition become whole ticks in event-time order.

In come decoded rows with their offsets, heartbeats and end markers; out go the rows of complete ticks, the frontier,
and the position (next offset of each source) to read on from.

    merge      sources -> whole ticks; late records, watermarks, positions
    schedule   the instants at which a partition stops: sweeps, observations, labels, midnights
    producers  the producers of a partition, and up to when the silence of each is believed (live only)
    names      names from outside, as the state keeps them: short, and not too many
    details    what belongs to a row and has no column, kept while it waits in the merge: details, dead letters

For a new instant at which the engine stops: `schedule`. For another rule of lateness: `Merge.add`; of what is
too late: `EngineFeed` (which events may be) and `Engine` (which are).
"""
