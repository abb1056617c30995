-- The table that the connector of connect-jdbc-sink.json writes to, and two views (PostgreSQL 12 or newer).
-- A row is a message. Topic, partition and offset are the key, so a message delivered again overwrites itself.
CREATE TABLE keepline_messages (
    __connect_topic     text    NOT NULL,
    __connect_partition integer NOT NULL,
    __connect_offset    bigint  NOT NULL,
    body                jsonb   NOT NULL,
    intervention_id     text GENERATED ALWAYS AS (body ->> 'intervention_id') STORED,
    PRIMARY KEY (__connect_topic, __connect_partition, __connect_offset)
);
CREATE INDEX ON keepline_messages (intervention_id, __connect_offset);

-- Topics may have a prefix, hence LIKE. Sent twice, an intervention is one row here.
CREATE VIEW keepline_interventions AS
SELECT DISTINCT ON (intervention_id)
    intervention_id,
    body ->> 'customer_id' AS customer_id,
    (body ->> 'crossed_at')::timestamptz AS crossed_at,
    (body ->> 'window_ends_at')::timestamptz AS window_ends_at,
    body ->> 'tier' AS tier,
    (body ->> 'probability')::double precision AS probability,
    (body ->> 'expected_net_value')::double precision AS expected_net_value,
    body -> 'action' AS action,
    body -> 'reasons' AS reasons
FROM keepline_messages
WHERE __connect_topic LIKE '%interventions'
ORDER BY intervention_id, __connect_offset DESC;

-- The updates of a case are in one partition, so the highest offset has the last state.
CREATE VIEW keepline_cases AS
SELECT intervention.*, coalesce(last.state, 'open') AS state, last.updated_at
FROM keepline_interventions AS intervention
LEFT JOIN LATERAL (
    SELECT body ->> 'state' AS state, (body ->> 'updated_at')::timestamptz AS updated_at
    FROM keepline_messages AS message
    WHERE message.intervention_id = intervention.intervention_id
        AND __connect_topic LIKE '%intervention-updates'
        AND body ? 'state'
    ORDER BY __connect_offset DESC
    LIMIT 1
) AS last ON true;
