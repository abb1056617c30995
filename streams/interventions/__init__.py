"""What a crossing of the threshold leads to: is it a case, whose, with what offer, and what is it worth?

In come probabilities and customers' case columns; out go new columns, interventions, and what was withheld
with its reason. All of it is pure: instants are arguments, all figures come from a profile.

    profile      what a profile may say, and how it is read
    sections     its tables. For a new key: a field there, a line in each TOML
    consistency  what its keys must be to each other
    profiles/    the shipped ones: tiers, windows, thresholds, horizons, each figure with its source
    values       what a key's value may be: durations, shares, amounts, names
    overrides    `--set KEY=VALUE`: a profile's dotted keys, and the nearest where one is misspelt
    cases        when a case opens: crossing, hysteresis, for many customers at once
    gate         what may be sent to whom, by which channel, when
    actions      cause, segments, lifecycle group, and the action that fits
    policy       the message of an intervention: tier, action, window, worth: what the CRM reads
    touches      automated touches: the medium tier, and signs that something did not happen in time
    case_table   the life of a case as one table
    life         a case, and what outcomes, the customer's events and time make of it
    stop_loss    how many were saved of the judged cases of a policy version
    dispatcher   what is shared: budgets and teams
    people       what customer profiles say
"""
