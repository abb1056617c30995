"""The Kafka edge, the only place that knows brokers, Faust and the wall clock. Units (streams/engine) do not.

    settings   the environment: brokers, credentials, names
    topics     which topics there are, with which settings; creates them and says what is wrong with them
    unit       what the edge asks of a unit
    lease      one unit owned: a transactional producer, restore, one transaction a checkpoint
    leases     all leases of this worker: who is acquired, kept, given up
    once       no transactional request is sent twice at one epoch
    transport  Faust's consumer, so that it hands over batches of whole ticks from where the states say
    pins       the private parts of Faust and aiokafka that this rests on, checked at start-up
    watchdog   ends a worker that no longer gets on
    worker     the Faust app and its life: start, end of input, signals
    status     what a group does, seen from anywhere

In: records of the input topics. Out: transactions of changelog rows, outputs and offsets. Ownership is the
producer's epoch; the state says where to read on; Faust commits and decides nothing.
"""

import logging

# without a handler Python prints their warnings beside a command's one line of error
for _name in ("aiokafka", "faust"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
