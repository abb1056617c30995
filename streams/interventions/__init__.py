"""What a crossing of the threshold leads to: is it a case, whose, with what offer, and what is it worth?

In come probabilities and customers' case columns; out go new columns, interventions, and what was withheld
with its reason. All of it is pure: instants are arguments, all figures come from a profile.

    profile      what a profile may say, and how it is read. For a new key: a field here, a line in each TOML
    profiles/    the shipped ones: tiers, windows, thresholds, horizons, each figure with its source
    values       what a key's value may be: durations, shares, amounts, names
    overrides    `--set KEY=VALUE`: a profile's dotted keys, and the nearest where one is misspelt
    cases        the table of crossing, hysteresis and one open case a customer: when a case opens
    policy       the message of an intervention: tier, action, window, worth: what the CRM reads
"""
