"""The work list: what the messages to the CRM say of every case, for people who must act.

In come interventions, what was withheld, and updates, from the topics or from a replay's folder; out go cases,
the most valuable first, with what is due. Time is an argument here too: `keepline cases` knows what now is.

    fold       messages to cases: pure, and the only place that knows which message changes what
    worklist   what is due when, which cases somebody asked for, and their order
    folder     messages and a customer's probabilities from the folder of a replay
    scan       messages and a customer's events from the topics
    events     a customer's events, and the sentence for each
    curve      probabilities drawn with characters
    screen     all of it on a terminal
"""
