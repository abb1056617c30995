"""The console: the work list, cases and customers on live pages, over the topics or the folder of a replay.

Input: the messages about cases, committed ones only. Output: pages, a stream of changes to each browser, and outcomes
of advisers to `intervention-outcomes`.

    schema.sql   the tables; a copy that may be dropped at any time; indexes.sql: what lists need
    rows         messages to rows: pure
    store        SQLite: one writer; rows and the offsets that they came from in one transaction
    folder_feed  records of a replay's folder
    topic_feed   records of the topics
    intake       a feed into the store, in large batches, with a line of progress
    queries      what pages read
    run          all of it, from start to signal
    access       roles, and what each may see and do
    sessions     signed cookies, the one-time key, the token of each write
    door         the way in and out; entrance: who claims and headers make somebody; oidc: OpenID Connect
    outcomes     what advisers report, and what counts once; topic_sender writes it
    audit        who saw and did what
    changes      which cases each transaction changed, to all browsers
    words        the words of the pages in English and in Chinese; language: with their values
    clocks       where a case stands in time, in words
    drawing      the clock of a case and the curve of a customer, as SVG
    site         templates, headers, the request of a page
    server       the application
    pages/       templates; static/ the style and the few lines of JavaScript
    work_list, case_page ...  one module a page
    live_feed    the status of the group of workers, read again and again
    feed         what takes long to make, for whoever looks
    results_feed the figures of the report, computed by a process of its own
    model_feed   the versions of the model; background: all that is read beside the messages
    charts       courses, intervals and reliability, as SVG

To add a page: a module with a `Page` (site.py), a template of its name in `pages/`, words in `words.py`, and an entry
in `PAGES` of `server.py`. Whatever has to follow changes stands in an element with an id and `data-live`.
"""
