"""Benchmarks of Keepline against named peers in one run: `python -m benchmarks [NAME ...]`, or `make bench`.

Input: a scale and a seed. Output: a table of measures with their claims; the exit code is 1 when a claim fails.

    registry     the list of benchmarks, one module each, with `run(scale, seed) -> list[Measure]`
    measure      measures and claims, and medians over repetitions
    report       the table, and the same as JSON with the machine's load, processors and versions
    city         the simulated city that most benchmarks use
    population   an engine with any number of active customers
    kafka        Apache Kafka, topics and a bare consumer: the peer of everything on Kafka
    units        engines and learner over records in memory, without a broker
    process      child processes: `keepline` commands with their processor time and memory
    logs         public event logs, for `learning`
    alone        the model without its engine, for `learning`
    closed_loop  city, CRM and engine in one process, for `treatment`
    jobs         the jobs in other frameworks, for `peers`

Peer and Keepline run alternately, three times, and medians are compared: on a shared machine a ratio within one run is
more reliable than a figure. Processor time is that of the process alone, without the broker.
To add a benchmark, write a module with `run` and enter it in the registry.
"""

import os

# as the command line does, before NumPy is imported: one worker uses one core
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
