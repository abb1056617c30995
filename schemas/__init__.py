"""The messages on Kafka topics: their models, and the decoding and validation of input records.

Input: records of the input topics as bytes, or rows of files as objects. Output: accepted events as columns, marks,
deletions, and refused records with the field and the rule that each broke.

    events             pydantic models of the input messages; they alone define which records are accepted
    outputs            pydantic models of the output messages
    internal_messages  pydantic models of the messages between units
    topics             the models of each output topic, and which topics are compacted or have one partition
    examples           an example of each message, for the AsyncAPI document
    decode             decodes a batch of records with NumPy; passes the records that it cannot accept to `validation`
    plain_records      reads the plainly good records of a batch by compiled code, where there is some
    native/            compiled code: C, and the way it comes onto a machine
    validation         checks one record with the models in `events` and writes the sentence of a refusal
    envelopes          takes off what clients put around an event, or names it
    json_structure     finds records that are nested too deep or that have a key twice
    fields             the fields of many objects as columns
    columns            the columns of accepted events
    partitioner        the partition of a customer: murmur2 of the key
    refusals           a refused record, and its dead letter
    instants           instants and durations as integers and as text
    rfc3339            parses a batch of RFC 3339 texts with NumPy
    time_zones         time zones of the locked IANA database
    export             generates the JSON Schemas and the AsyncAPI document in v1/
    alerts             what on-call has to know: kinds, and when it is the same alert
    errors             the two exceptions with which a command ends

To change a field of an input, edit `events`; if features use it, also `columns` and `decode`. To change an output, edit
`outputs` or `internal_messages`. For a new output topic: `topics`. Then run `keepline schemas export`.
"""
