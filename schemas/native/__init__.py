"""Compiled code: C for the loops that cost most, and the way it comes onto a machine.

Everything in C has its equal in Python and NumPy, which decides in doubt and runs alone where nothing can be compiled:
the outputs have the same bytes. C is compiled on first use, by `cc` or else by the package `ziglang`, into a folder of
the user's.

    plain_records.c  one pass over the bytes of records: what is plainly good becomes a row (schemas.plain_records)
    record_batches.c records of Kafka's batches, where they lie (streams.kafka.records_in_place)
    arrays.c         loops over arrays: log and exp (features.portable_math), scores (online_model.additive_functions),
                     rows of the table as columns (features.table), ids that are new (features.deduplication)
    features.c       runs the list of operations that the features of the catalogue are (features.program)
    elementary.h     log and exp of one number
    vectors.h        one function for several sets of vector instructions
    arrays           calls arrays.c, and has the signatures of all functions
    compilers        which compiler there is, and its command
    trust            whether a folder or file may be loaded: nobody else may have written it
    loading          compiles, keeps and loads the library; KEEPLINE_COMPILED=off leaves it out

`python -m schemas.native` says what this machine has. To change a kernel, edit its .c file: the next start compiles it.
Rules for C here: no Python API, no allocation, no state; every read is checked against its end; no sum in another
order than NumPy's, so that bits are the same.
"""
