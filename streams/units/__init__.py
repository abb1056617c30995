"""What a worker owns: engine, learner and dispatcher as units, each with feed, position and changelog.

Records of topics come in through a feed, which merges them into batches; a unit applies a batch, and gives outputs,
changelog rows and the position that they belong to. Written in one transaction they are an exact state.

    unit             the protocols of unit, feed, batch and output, as the lease and the replay use them
    seal             version and checksum of our own records
    strays           records that are not ours: skipped, counted, told; rows of a changelog
    records          records of a topic by columns, as feeds take them
    sources          short names of topics, and the keys of a position
    engine_feed      the engine's feed: how far it may go, with which models, grants and matured observations
    engine_batch     a batch of the engine
    residence        refuses records of customers who live in another partition
    engine_unit      the engine of a partition: batches applied, state written and restored
    engine_rows      the other rows of the engine's changelog
    customer_rows    rows of customers in it
    global_unit      base of learner and dispatcher: one unit for all partitions, instants that all have reported
    learner_feed     labelled examples, reports and commands, by grid instant
    learner_unit     the learner: models out
    dispatcher_unit  the dispatcher and its feed: candidates in, grants out
    refusal_counts   refused records by producer, for metrics and alerts
    waiting_refusals refusals that only the engine decides on, until their tick

For a new topic of a unit: `sources`, the unit's `sources` and `outputs`, and kafka/topics.
"""
