"""What Keepline costs, measured against named peers in one run: `python -m benchmarks [NAME ...]`, or `make bench`.

In: a scale and a seed. Out: a table of measures with the claims they hold or fail; the exit code is 1 when one fails.

    registry     the benchmarks there are, one module each, with `run(scale, seed) -> list[Measure]`
    measure      what a benchmark says, and how repetitions become one figure
    report       the table, and the same as JSON with the machine's load, processors and versions
    city         the simulated city that most of them run on
    kafka        Apache Kafka, topics and a bare consumer: the peer that everything on Kafka is compared with
    units        engines and learner over records in memory, without a broker
    process      children: `keepline` commands with their processor time and memory

A peer and ours run in turn, three times, and medians are compared: on a shared machine a ratio within one run says
more than a figure. Processor time is that of the process alone, without the broker beside it.
To add a benchmark, write a module with `run` and enter it in the registry.
"""

import os

# as the command line does, before NumPy is imported: a worker's unit is a core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
