"""The language of the topics: what may come in, what goes out, and what is refused.

In come records as bytes; out go accepted events as columns, marks, and refusals that name the field and the rule.

    events     pydantic models of what is read: the truth about what is accepted. To change a field, open it.
    outputs    pydantic models of what is written
    decode     whole batches, fast; anything doubtful is asked of the models in `events`
    times      RFC 3339 texts to microseconds, a batch at once
    columns    the columns that accepted events are kept in
    refusals   a refused record, and the dead letter that is made of it
    export     JSON Schemas and the AsyncAPI document, generated into v1/
    instants   instants and durations as integers and as text
    errors     the two ways in which a command ends badly
"""
