"""The features of customers: aggregates of their events, and the numbers computed from them.

Input: accepted events as columns (`schemas.columns`). Output: features at an instant, (features, customers).

    signals        which events, and which of their numbers, are aggregated
    aggregates     sums, counts, firsts and lasts that do not depend on the order of events; how events update them
    table          the state of a partition: a row for each customer, a column for each aggregate
    names          customers' names by their numbers, found by their bytes
    view           the aggregates of some customers at an instant, with decayed sums brought up to date
    feature        the fields of a feature, and constructors of the usual forms
    computed       features that combine several aggregates
    catalogue      one entry for each feature: name, unit, aggregates, computation, missing rule
    facts          exact facts about a customer: dates, counts, amounts
    claims         sentences about facts for an adviser, by feature
    day_rings      the newest days with an event, packed into columns
    regularity     gaps, windows and weekdays of the newest days
    local_days     days of a time zone
    program        the features as a list of operations for compiled code
    matrix         computes and scales all features of many customers
    population     percentiles of a customer among all active customers, and the RFM-B score
    histograms     counts of features and scores in fixed bins, and the population stability index
    deduplication  event ids of the last seven days, by which duplicates are found
    row_format     a customer's row as bytes in the changelog, with version and checksum
    portable_math  exp and log with the same bits on every processor

To add a feature, add an entry to `catalogue`; if it needs other events, a signal to `signals`; if it needs another
formula, a function to `computed`; if advisers shall read of it, a claim to `claims`.
"""
