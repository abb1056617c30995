"""What was saved, how sure that is, what it cost and what to decide: `keepline report`.

In come the messages about cases, of a replay's folder or of the topics; out go report.json and pages that print. Counts
and money are of these messages alone, so anybody can recount them.

    opened_cases   messages -> cases as they were opened, and what became of each by an instant
    comparison     lift of what was sent over the holdout: over all, by tier, segment, cause, strategy
    money          the plan's sheet and what was measured, in decimal
    stages         conditions of the roll-out, met or not or not known yet
    health         sample ratio, leaks, precision of warnings
    advisers       credit by adviser
    interviews     the lost customers to interview
    reviews        the same figures by week and month
    results        all of it in one record, as report.json has it
    figures        its figures as text, and tables
    page           the record as HTML: one A4 side, a week's page, a month's page; words has both languages
"""
