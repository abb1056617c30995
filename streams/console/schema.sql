-- The console's own copy of the messages. It can be dropped at any time and is then read again from the topics.
-- {acknowledge_us}, {contact_us}: deadlines of the profile, so another profile makes another schema, and a new copy.

CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

-- the next record of each partition, committed with the rows that came from those before it
CREATE TABLE offsets (
    topic TEXT, partition INTEGER, next INTEGER NOT NULL, PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;

-- every message about a customer, packed (rows.py). kind: 0 withheld, 1 sent, 2 an update, 3 an outcome, 4 a touch, 5 a task
CREATE TABLE messages (
    seq INTEGER PRIMARY KEY, customer_id TEXT NOT NULL, kind INTEGER NOT NULL, at_us INTEGER NOT NULL, body BLOB NOT NULL
) STRICT;
CREATE INDEX messages_of_customer ON messages (customer_id, kind);

-- published probabilities of customers with a case, from the case on; a replay's folder has all of them in a file
CREATE TABLE scores (
    customer_id TEXT, at_us INTEGER, probability REAL NOT NULL, PRIMARY KEY (customer_id, at_us)
) STRICT, WITHOUT ROWID;

-- each case as its messages leave it: what lists are filtered and sorted by
CREATE TABLE cases (
    case_id TEXT PRIMARY KEY,
    customer_id TEXT NOT NULL,
    is_sent INTEGER NOT NULL,
    state TEXT NOT NULL,
    tier TEXT NOT NULL,
    scope TEXT,
    who TEXT NOT NULL, -- the role that has to act
    agent_id TEXT,
    channel TEXT NOT NULL,
    cause TEXT,
    strategy TEXT,
    worth REAL NOT NULL,
    probability REAL NOT NULL,
    reason TEXT, -- the strongest one, in English
    reason_zh TEXT,
    withheld_reason TEXT,
    crossed_us INTEGER NOT NULL,
    emitted_us INTEGER NOT NULL,
    window_us INTEGER NOT NULL,
    -- the outcome that was reported last, and when; by a person, here or in the CRM
    reported TEXT,
    reported_by TEXT,
    reported_id TEXT,
    reported_us INTEGER NOT NULL DEFAULT 0,
    answered_us INTEGER NOT NULL DEFAULT 0, -- the last update that answers an outcome
    upgraded_us INTEGER NOT NULL DEFAULT 0,
    change INTEGER NOT NULL, -- the number of the transaction that changed it last
    is_open INTEGER AS (is_sent AND state IN ({open})) VIRTUAL,
    due_us INTEGER AS (
        CASE WHEN is_sent AND state IN ({waiting}) THEN
            min(emitted_us + {contact_us}, crossed_us + window_us,
                CASE state WHEN 'open' THEN emitted_us + {acknowledge_us} ELSE crossed_us + window_us END)
        END
    ) VIRTUAL
) STRICT;
