"""Logs in files, and the folder that a replay writes.

    readers    .csv, .jsonl and .parquet, plain or compressed, as blocks of rows; never the whole file
    identity   ids for rows that have none: derived from their content
    decoded    blocks to accepted events and dead letters
    folder     what a replay leaves behind
    spool      a queue that waits on disk
"""
