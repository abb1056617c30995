"""Event logs in files, and the result folder of a replay.

Input: `.jsonl`, `.csv` and `.parquet`, plain or compressed. Output: chunks of rows in the file's order.
No file is read into memory as a whole.

    formats        opens a path and returns its chunks
    read_options   how files are read that are not RFC 3339, UTF-8 and comma-separated
    file_names     kind, format and compression from a file's name and its first bytes
    compression    the decompressed bytes of a file as UTF-8, and its lines; reports unreadable files
    json_lines     chunks of a .jsonl, kinds may be mixed
    csv_rows       chunks of a .csv
    parquet        chunks of a .parquet
    cell_values    cells to event fields: numbers, lists, defaults for missing fields
    id_cells       customer ids that a tool has changed, such as 17850.0
    derived_ids    ids for rows that have none, derived from their content
    chunks         consecutive rows of a file, independent of its format
    time_forms     times that are not RFC 3339 but mean one instant
    file_rules     what is refused in files beyond the contract: no customer, rounded ids, rows that run away
    decoding       chunks to accepted events and dead letters
    time_order     whether rows are in time order, and which run away
    survey         one pass over files before their events are applied or sent
    tally          what was refused, by field and rule
    sorted_rows    the rows of a file sorted by event time, in bounded memory
    file_sources   files as the sources of a merge
    tick_reader    files tick by tick, for `keepline publish`
    fingerprint    a digest of files by which they are known again, whatever they are called
    replay_folder  writes the result files of a replay
    disk_queue     a queue on disk
"""
