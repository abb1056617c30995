"""A soak: real workers on Apache Kafka under a steady load, for hours, while publishers come and go.

    python -m tests.soak --minutes 120

What must stay flat: memory and descriptors of the workers, the rows of position and status, the metadata of the group's
offsets. Exit code 1: one of them still grows in the last third of the run.
"""
