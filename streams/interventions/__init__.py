"""What a crossing of the threshold leads to: is it a case, whose, with what offer, and what is it worth?

In come probabilities and customers' case columns; out go new columns, interventions and what was withheld, with the reason.
All of it is pure: instants are arguments, all figures come from a profile.

    profile      what a profile may say, and how it is read. A new key: add a field here and a line to profiles/*.toml
    profiles/    the shipped ones: tiers, windows, thresholds, horizons, each figure with its source
    overrides    `--set KEY=VALUE`: dotted keys of a profile, and the nearest known one when it is misspelt
    cases        the table of crossing, hysteresis and one open case a customer. To change when a case opens, open it
    policy       the message of an intervention: tier, action, window, worth. To change what the CRM reads, open it
"""
