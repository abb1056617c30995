"""What is known of a customer, as numbers.

In come accepted events as columns (`schemas.columns`); out go rows of features, one a customer and instant.

    aggregates   the commutative sums, counts, firsts and lasts that a feature may be made of, and how events
    change them
    catalogue    every feature, one entry each: name, unit, aggregate, missing rule, sentence. To add one, open
    it alone.
    view         the aggregates of some customers as seen at an instant: decays brought up to date
    population   where a customer stands among all active ones: percentiles, RFM-B
    table        the state of a partition: one row a customer, one column an aggregate
    rows         a customer's row as bytes, with version and checksum
    recent       the event ids of the last seven days: a re-sent event changes nothing
    arithmetic   exp and log with the same bits on every processor
"""
