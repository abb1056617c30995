"""The table of faults: real workers on Apache Kafka under a small steady load, one fault after the other, against what
those on call are told and how long it takes until all is well again.

    python -m tests.faults                        # all, with the brokers away for five minutes: about half an hour
    python -m tests.faults --only topic-deleted   # one; --list names them
    python -m tests.faults --away 20              # the brokers away for 20 s

`kinds.py` has the faults, `stage.py` what they happen to, `watch.py` what is asked every second, `table.py` the
verdict.
Prints the table in Markdown; exit code 1: a fault is not told anywhere, does not heal, or nothing says what to do.
"""
