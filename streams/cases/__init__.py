"""The rules of interventions applied to the customers of a partition: from scores to messages.

In come scored customers, their case columns, outcomes, customer profiles and grants; out go new columns, cases in the
casebook and messages in the outbox.

    columns         the columns of a customer's row that are about cases
    crossings       scores of many customers -> which scores are published, for which customers something is decided
    unheard         customers about whom nothing is decided, since a producer of theirs is not heard (live only)
    decision        one of these customers: a case opens, is upgraded or withheld, or a touch is sent
    emitter         writes a decision to outbox, casebook and columns; applies grants
    responses       outcomes, customer profiles and retention events -> changes of cases
    casebook        the cases of a partition and the agenda of their deadlines
    customer_cases  what is kept of a customer with cases: cases, contacts, candidates
    outbox          messages until they are sorted by (stream time, customer)

For a new column: `columns`, at the end of CASE_COLUMNS. For a new kind of message: `outbox` and `EngineUnit.outputs`.
"""
