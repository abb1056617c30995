"""Event logs in files, and the result folder of a replay.

Input: `.jsonl`, `.csv` and `.parquet`, plain or compressed. Output: chunks of rows in the file's order.
No file is read into memory as a whole.

    formats        opens a path and returns its chunks
    file_names     kind, format and compression from a file's name
    compression    the decompressed bytes of a file, and its lines; reports unreadable files
    json_lines     chunks of a .jsonl, kinds may be mixed
    csv_rows       chunks of a .csv
    parquet        chunks of a .parquet
    cell_values    cells to event fields: numbers, lists, defaults for missing fields
    derived_ids    ids for rows that have none, derived from their content
    chunks         consecutive rows of a file, independent of its format
    decoding       chunks to accepted events and dead letters
    file_sources   files as the sources of a merge
    tick_reader    files tick by tick, for `keepline publish`
    fingerprint    a digest of files by which they are known again, whatever they are called
    replay_folder  writes the result files of a replay
    disk_queue     a queue on disk
"""
