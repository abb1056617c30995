"""The Kafka edge: the only package that knows brokers, Faust and the wall clock. Units (streams/units) do not.

    settings           the environment: brokers, credentials, names
    topics             the topics with their settings; creates them and checks those that exist
    lease              one owned unit: a transactional producer, restore, one transaction a checkpoint
    unit_topics        whether a unit's topics are those of its state, and where a new owner begins to read
    leases             all leases of this worker: which are acquired, kept and released
    giving_up          a unit that cannot go on: its reason, and when it is tried again
    membership         whether this process is still in its group
    access             why brokers cannot be used: network, TLS, login or access rules, each with what to do
    connections        a limit for each connection of a client
    requests           requests that aiokafka lacks: ids of topics, open transactions, what a client may do
    records_in_place   records of a fetch by columns, where they lie in its bytes
    codecs             decompression of Kafka's codecs, bounded
    batches            a batch that cannot be read is one refused record
    restore            reads a changelog up to the token of its new owner
    transaction_guard  no transactional request is sent twice at one epoch
    transport          Faust's consumer, changed to yield batches of whole ticks from the positions in the states
    private_api        the private parts of Faust and aiokafka that the transport needs, checked at start-up
    watchdog           gives up units that make no progress; ends a worker that hangs
    worker             the Faust app from start to signal or end of input
    unit_status        alerts and counts of an owned unit: what is logged, and the row for `keepline status`
    commits            what the checkpoints of a group have committed
    status             lag, checkpoints and alerts of a group, read from the brokers
    publish            sends files to the topics in event-time order, from where it broke off
    pace               holds publish to so many events in any second
    publications       how far files have been sent, in a compacted topic
    whole_topics       reads partitions from their beginning to their end
    history            reads the input topics tick by tick, as publish reads files
    repartition        replays history into topics with another number of partitions
    logging_setup      log lines for terminals, JSON elsewhere
    fatal              ends the process at once

Input: records of the input topics. Output: transactions of changelog rows, outputs and offsets. The producer's epoch
is the ownership; the state has the positions to read on from; offsets that Faust commits are not used.
"""

import logging

from streams.kafka import batches, connections

batches.install()  # for every consumer of this package and above
connections.install()

# without a handler Python prints their warnings beside a command's one line of error
for _name in ("aiokafka", "faust"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
