"""The work list of agents: every case as the messages to the CRM describe it.

Input: interventions, withheld interventions and updates, from the topics or a replay's folder. Output: cases, highest
expected net value first, with their deadlines. Now is an argument, given by `keepline cases`.

    fold           messages to cases: pure, and the only module that knows which message changes what
    worklist       deadlines, filters and order of cases
    folder_reader  messages and a customer's probabilities from the folder of a replay
    topic_reader   messages and a customer's events from the topics
    events         a customer's events, and the sentence for each
    words          codes and labels in English and in Chinese
    curve          probabilities drawn with characters
    terminal       all of it on a terminal
"""
