"""Logs in files, and the folder that a replay leaves behind.

In come `.jsonl`, `.csv` and `.parquet`, plain or compressed; out go chunks of rows in the file's order.
No file is ever held whole.

    source      from a path to chunks
    naming      what a file's name says: its kind, its format, its compression
    opening     bytes of a file, decompressed, and lines of them; what can be wrong with a file is said here
    json_lines  chunks of a .jsonl, any kinds mixed
    csv_rows    chunks of a .csv
    parquet     chunks of a .parquet
    cells       from columns to events: numbers, lists, what may be missing
    identity    ids for rows that have none: derived from their content
    chunks      rows that follow each other, whatever format they were kept in
    decoded     chunks to accepted events and dead letters
    sources     files as the sources of a merge
    folder      what a replay leaves behind
    spool       a queue that waits on disk
"""
